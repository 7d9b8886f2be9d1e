"""The file of clicks: what is written comes back, and what is no count gets a sentence with its line."""

import json

import pytest

from lookalike.errors import CatalogueError
from lookalike.search.clicks import Key, read_clicks, to_lines

COUNTS = {Key("shown", "10001", 1): 7, Key("link", 'é"\n=1', 2): 1, Key("kept", "10001", 0): 3}
GOOD = {"day": "2026-11-30", "event": "shown", "product": "1", "rank": 1, "count": 2}


def test_counts_come_back_from_the_files_of_a_folder(tmp_path):
    (tmp_path / "clicks-2026-11-30-a.jsonl").write_bytes(to_lines("2026-11-30", COUNTS))
    (tmp_path / "clicks-2026-12-01-b.jsonl").write_bytes(to_lines("2026-12-01", COUNTS) + b"\n")
    (tmp_path / "clicks-2026-12-01-b.jsonl.1234.new").write_bytes(b"half a fi")
    found = list(read_clicks(tmp_path))
    assert found == [(day, key, COUNTS[key]) for day in ("2026-11-30", "2026-12-01") for key in sorted(COUNTS)]
    assert list(read_clicks(tmp_path / "clicks-2026-11-30-a.jsonl")) == found[:3]


@pytest.mark.parametrize(
    "line",
    [b"no json", b"[1]", b"\xff", b"[" * 100_000]
    + [
        json.dumps(GOOD | change).encode()
        for change in (
            {"event": "bought"}, {"event": []}, {"product": ""}, {"product": 1}, {"rank": -1}, {"rank": 101},
            {"rank": True}, {"rank": 1.0}, {"count": 0}, {"count": "2"}, {"day": None},
        )
    ],
)  # fmt: skip
def test_a_line_that_is_no_count_gets_a_sentence_with_its_number(tmp_path, line):
    path = tmp_path / "clicks.jsonl"
    path.write_bytes(json.dumps(GOOD).encode() + b"\n\n" + line + b"\n")
    with pytest.raises(CatalogueError, match=r"^Line 3 of .*clicks\.jsonl is no count of clicks\. .*\.$"):
        list(read_clicks(path))


def test_what_is_not_there_gets_a_sentence(tmp_path):
    with pytest.raises(CatalogueError, match=r"has no files clicks-….*LOOKALIKE_CLICKS"):
        list(read_clicks(tmp_path))
    with pytest.raises(CatalogueError, match=r"cannot be read \(No such file"):
        list(read_clicks(tmp_path / "missing.jsonl"))
