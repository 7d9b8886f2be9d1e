"""The comparison of `make bench` fails when a ratio falls by a fifth, and fits the committed file."""

import json

import pytest

from tests.support.data import ROOT


@pytest.fixture
def short(monkeypatch):
    """The module benchmarks/short.py, a script that imports the modules next to it."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import short

    return short


def test_a_ratio_that_fell_by_a_fifth_is_a_problem(short):
    committed = {"answer": 2.0, "search": 10.0, "indexing": 0.8}
    assert short.find_fallen({"answer": 1.7, "search": 30.0, "indexing": 0.66}, committed) == []
    (problem,) = short.find_fallen({"answer": 1.6, "search": 10.0, "indexing": 0.8}, committed)
    assert problem.startswith("answer fell from 2.00 to 1.60, by 20%")
    (problem,) = short.find_fallen({"answer": 2.0, "search": 10.0}, committed)
    assert problem.startswith("indexing is in ratios.json and was not measured")


def test_the_exit_code_says_that_a_ratio_fell(short, monkeypatch, tmp_path, capsys):
    ratios = tmp_path / "ratios.json"
    ratios.write_text(json.dumps({"answer": 2.0}))
    monkeypatch.setattr(short, "RATIOS", ratios)
    assert short.compare({"answer": 1.9}) == 0
    assert short.compare({"answer": 1.5}) == 1
    assert "fell from 2.00 to 1.50" in capsys.readouterr().err


def test_the_committed_file_has_every_ratio(short):
    assert set(json.loads(short.RATIOS.read_text())) == {"answer", "search", "indexing"}
