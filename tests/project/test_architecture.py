"""Holds docs/architecture.md to the tree and to the contracts that make check keeps."""

import re
import tomllib

from tests.support.data import ROOT

DOCUMENT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "lookalike"
GROUND = {"errors", "files", "settings", "types"}


def table(title):
    """The rows below a heading, as lists of cells without backticks."""
    section = DOCUMENT.split(f"## {title}\n")[1].split("\n## ")[0]
    rows = [
        [cell.strip().replace("`", "") for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("|")
    ]
    return rows[2:]


def wings():
    return {path.name for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").is_file()}


def test_the_import_table_has_every_wing_and_is_what_the_contracts_keep():
    allowed = {row[0]: set(re.findall(r"\w+", row[1])) & wings() for row in table("Who may import whom")}
    assert allowed.keys() == wings()
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    for wing in wings():
        (contract,) = [found for found in contracts if found["source_modules"] == [f"lookalike.{wing}"]]
        forbidden = {name.removeprefix("lookalike.") for name in contract["forbidden_modules"]}
        assert wings() - forbidden - {wing} == allowed[wing], wing


def test_every_module_is_described_and_every_description_has_its_module():
    described = {row[0] for row in table("Every module")}
    modules = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py" or path.parent == PACKAGE
    }
    assert described == modules


def test_the_ground_is_what_every_wing_may_import():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (ground,) = [found for found in contracts if found["name"] == "The ground imports no wing"]
    assert {name.removeprefix("lookalike.") for name in ground["source_modules"]} == GROUND
    assert {name.removeprefix("lookalike.") for name in ground["forbidden_modules"]} == wings()


def test_tests_mirror_the_wings():
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()}
    assert wings() <= folders
