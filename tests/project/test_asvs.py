"""Holds docs/asvs.md to the tree: each test that it names exists, and no chapter of the standard is left out."""

import re

from tests.support.data import ROOT

DOCUMENT = (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8")


def test_every_test_that_it_names_exists():
    named = set(re.findall(r"`([\w/]+\.py)::(\w+)", DOCUMENT))
    assert len(named) > 60
    for file, function in named:
        assert f"\ndef {function}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), f"{file}::{function}"


def test_every_file_that_it_names_exists():
    for name in re.findall(r"\]\((\S+?)\)", DOCUMENT):
        assert (ROOT / "docs" / name).is_file(), name
    for name in re.findall(r"`((?:lookalike|deploy|tests)/[\w./]+)`", DOCUMENT):
        assert (ROOT / name).exists(), name


def test_it_has_every_chapter():
    assert {
        int(number) for number in re.findall(r"\bV(\d+)", "\n".join(re.findall(r"^## .*$", DOCUMENT, re.M)))
    } == set(range(1, 18))
