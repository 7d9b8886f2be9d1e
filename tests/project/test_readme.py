"""Holds the README to the code: its commands, options, names and pictures exist."""

import re
import subprocess
import sys

from tests.support.data import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.S))


def test_its_first_commands_are_make_run_and_make_test():
    assert re.findall(r"^make \w+", BLOCKS, re.M)[:2] == ["make run", "make test"]
    for target in ("run", "test"):
        done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert "-m pytest" in done.stdout


def test_every_option_it_names_exists_and_none_is_left_out():
    help_text = subprocess.run(
        [sys.executable, "extract_features.py", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    known = set(re.findall(r"--[a-z-]+", help_text.stdout)) - {"--help"}
    table = set(
        re.findall(r"`(--[a-z-]+)", "\n".join(line for line in README.splitlines() if line.startswith("| `--")))
    )
    assert table | set(re.findall(r", `(--[a-z-]+)", README)) >= known
    assert table <= known


def test_every_file_and_picture_it_names_exists():
    for name in re.findall(r"\]\((.*?)\)", README) + ["app.py", "extract_features.py", "styles.csv"]:
        assert (ROOT / name).is_file(), name
    for name in re.findall(r"-r (\S+)", BLOCKS):
        assert (ROOT / name).is_file(), name


def test_every_environment_variable_it_names_is_read():
    folders = ("lookalike", "deploy")
    files = [ROOT / "app.py", *(path for folder in folders for path in (ROOT / folder).rglob("*.py"))]
    code = "".join(path.read_text() for path in files)
    for name in set(re.findall(r"LOOKALIKE_\w+", README)):
        assert name in code, name


def test_requirements_are_pinned():
    for file in ("requirements.txt", "tests/requirements.txt"):
        lines = [line for line in (ROOT / file).read_text().splitlines() if line and not line.startswith("#")]
        assert lines and all(
            re.fullmatch(r'[a-zA-Z0-9_-]+==[\w.]+(; python_version [<>]=? "3\.\d+")?', line) for line in lines
        )
