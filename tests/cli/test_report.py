"""The report on a real index: one file that asks no server, and one sentence for what cannot be reported on."""

import re
import shutil
import subprocess
import sys

from tests.support.data import ROOT


def report(index, output):
    command = [sys.executable, "-m", "lookalike", "report", "--index", str(index), "--output", str(output)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_a_report_has_figures_findings_and_sixty_answers(demo_index, tmp_path):
    done = report(demo_index, tmp_path / "report.html")
    assert done.returncode == 0 and f"The report is in {tmp_path / 'report.html'}." in done.stdout, done.stderr
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "257 products, 257 of them described" in page and "<th>the right type</th>" in page
    assert "60 questions and their answers" in page and page.count('class="asked"') == 60
    assert page.count("<img") >= 60 * 6 and set(re.findall(r'(?:src|href)="(.{5})', page)) == {"data:"}
    assert "<script" not in page


def test_an_index_without_a_table_has_no_figures(demo_index, tmp_path):
    for name in ("embeddings.pkl", "filenames.pkl"):
        shutil.copy(demo_index / name, tmp_path)
    done = report(tmp_path, tmp_path / "report.html")
    assert done.returncode == 0 and "No figures: " in done.stderr
    assert "no type, color or gender to judge by" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_what_cannot_be_reported_gets_one_sentence(demo_index, tmp_path):
    for index, output, sentence in (
        (tmp_path / "nowhere", tmp_path / "report.html", "There is no index in"),
        (demo_index, tmp_path / "no folder" / "report.html", "cannot be written"),
    ):
        done = report(index, output)
        assert done.returncode == 1 and sentence in done.stderr and "Traceback" not in done.stderr
        assert done.stderr.splitlines()[-1].startswith("error: ")
