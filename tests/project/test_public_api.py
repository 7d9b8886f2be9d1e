"""What `from lookalike import …` gives: exactly these names, typed, and nothing imported before it is used."""

import re
import subprocess
import sys

import pytest

import lookalike
from tests.support.data import ROOT

EXPORTED = {
    *("build_index", "tune_index", "publish_index"),
    *("load_index", "load_recommender", "load_embedder", "find_backbone"),
    *("Recommender", "Match", "Product", "Index", "Report"),
    *("LookalikeError", "ImageError", "IndexFileError", "CatalogueError", "WeightsError", "ServerError"),
}


def test_it_exports_these_names_and_no_others():
    assert set(lookalike.__all__) == EXPORTED
    assert sorted(lookalike.__all__) == lookalike.__all__
    for name in EXPORTED:
        assert getattr(lookalike, name).__name__ == name
    assert set(lookalike.__all__) <= set(dir(lookalike))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = lookalike.nothing


def test_type_checkers_see_every_exported_name():
    source = (ROOT / "lookalike" / "__init__.py").read_text(encoding="utf-8")
    block = source[source.index("if TYPE_CHECKING:") : source.index("_HOMES")]
    assert set(re.findall(r"\b(\w+)(?:,|\n|$)", block.split("TYPE_CHECKING:")[1])) >= EXPORTED
    assert (ROOT / "lookalike" / "py.typed").is_file()


def test_importing_the_package_imports_nothing_else():
    heavy = ("numpy", "PIL", "openvino", "streamlit")
    code = f"import sys, lookalike; sys.exit(any(name in sys.modules for name in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_importing_it_changes_no_setting_of_the_process():
    code = "import os; before = dict(os.environ); import lookalike; lookalike.Index; assert before == dict(os.environ)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_readmes_lines_work(demo_index, tmp_path):
    """The README's Python example, run as it stands in a folder with an index and a photo."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(from lookalike import .*?)```", readme, re.S)
    photo = sorted((ROOT / "images").glob("*.jpg"))[0]
    (tmp_path / "photo.jpg").write_bytes(photo.read_bytes())
    (tmp_path / "shop").symlink_to(demo_index)
    command = [sys.executable, "-c", example]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 5 and lines[0].startswith("1 ") and photo.name in lines[0]
