import csv
import os

import pytest

from lookalike.errors import CatalogueError
from lookalike.index.skipped import SKIPPED, defuse, read_skipped, write_skipped


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "@SUM(1)", " =1", '"=1', "\n=1", "a;=1", 'a; "=1', "a\t=1", "＝1+1", "a;＠SUM(1)"]
)
def test_whatever_a_spreadsheet_would_run_has_an_apostrophe_before_it(cell):
    sign = next(place for place, letter in enumerate(cell) if letter in "=+@＝＠")
    assert "'" in defuse(cell)[: sign + 1] and defuse(cell).replace("'", "") == cell


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_a_pipe_by_that_name_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / SKIPPED)
    with pytest.raises(CatalogueError, match="cannot be read .it is not a file."):
        read_skipped(tmp_path)


@pytest.mark.parametrize("cell", ["", "a=1", "5-7 cm", "me@a.example", "a, b; c", "T-shirt"])
def test_the_text_of_other_cells_stays_as_it_is(cell):
    assert defuse(cell) == cell


def test_names_and_reasons_come_back_and_no_cell_is_a_formula(tmp_path):
    write_skipped(tmp_path, [("images/a, b.jpg", "is damaged"), ("=cmd|'/c calc'!A1.jpg", 'a;=1+1 "x"')])
    assert read_skipped(tmp_path)[0] == ("images/a, b.jpg", "is damaged")
    with open(tmp_path / SKIPPED, encoding="utf-8", newline="") as file:
        assert list(csv.reader(file))[2] == ["'=cmd|'/c calc'!A1.jpg", 'a;\'=1+1 "x"']
