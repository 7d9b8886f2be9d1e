import csv

from lookalike.index.skipped import SKIPPED, read_skipped, write_skipped


def test_names_and_reasons_come_back_and_no_cell_is_a_formula(tmp_path):
    write_skipped(tmp_path, [("images/a, b.jpg", "is damaged"), ("=cmd|'/c calc'!A1.jpg", 'a;=1+1 "x"')])
    assert read_skipped(tmp_path)[0] == ("images/a, b.jpg", "is damaged")
    with open(tmp_path / SKIPPED, encoding="utf-8", newline="") as file:
        assert list(csv.reader(file))[2] == ["'=cmd|'/c calc'!A1.jpg", 'a;\'=1+1 "x"']
