"""The scripts of an element are found with all that they import."""

from lookalike.web.first_page import ELEMENTS
from lookalike.web.streamlit_scripts import FOLDER, scripts_of


def test_an_elements_scripts_and_their_imports(tmp_path):
    files = {
        "Uploader.abc.js": 'import{a as b}from"./one.1.js";import"./two.2.js";const t="./three.3.js";',
        "one.1.js": 'import { c } from "./two.2.js"; import("./later.js")',
        "two.2.js": 'import"./Uploader.abc.js";import"./gone.9.js"',
        "three.3.js": "",
        "UploaderOther.abc.js": "",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert scripts_of(["Uploader", "Missing"], tmp_path) == ["Uploader.abc.js", "one.1.js", "two.2.js"]


def test_streamlit_has_a_script_for_each_element_of_the_start_page():
    for element in ELEMENTS:
        assert [name for name in scripts_of([element]) if name.startswith(f"{element}.")], element
    assert all((FOLDER / name).is_file() for name in scripts_of(ELEMENTS))
