"""What reaches the terminal: in any encoding, one line a match, quietly ended by head, with one name an option."""

import contextlib
import http.server
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import termios
import threading
import time

import pytest

from lookalike.cli.terminal import show_progress
from lookalike.errors import ImageError, IndexFileError, ShortageError, printable
from lookalike.images.decoding import MAX_FILE_BYTES
from tests.support.data import ROOT

ESCAPES = "a\x1b]0;title\x07b"
DRESS = "\N{DRESS} 2\u20ac \u2192"
TITLE = "Shirt\n9  0.0000  /forged/path.jpg\x1b[2J\x9b31m\u2028end"


def run_python(*arguments, **options):
    options = {"cwd": ROOT, "capture_output": True, **options}
    return subprocess.run([sys.executable, *map(str, arguments)], **options)


def lookalike(*arguments, encoding="utf-8", **options):
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = run_python("-m", "lookalike", *arguments, env=environment, **options)
    for name in ("stdout", "stderr"):
        setattr(done, name, (getattr(done, name) or b"").decode(encoding))
    return done


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The index of three products whose names and descriptions a terminal would obey, or could not write."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "images").mkdir()
    pictures = sorted((ROOT / "images").glob("*.jpg"))
    for name, picture in zip((ESCAPES, DRESS, "plain"), pictures):
        shutil.copy(picture, folder / "images" / f"{name}.jpg")
    rows = "".join(f'{name},"{TITLE}"\r\n' for name in (ESCAPES, DRESS, "plain"))
    (folder / "styles.csv").write_bytes(f"id,title\r\n{rows}".encode())
    done = lookalike("index", "--images", folder / "images", "--output", folder, "--backbone", "efficientnet-lite0")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "iso8859-1", "utf-8", "utf-16"])
def test_results_can_be_printed_in_any_encoding(shop, encoding):
    photos = sorted((shop / "images").iterdir())
    done = lookalike("similar", *photos, "--index", shop, "-k", 3, encoding=encoding)
    assert done.returncode == 0 and not done.stderr
    assert len(done.stdout.splitlines()) == len(photos) * 4
    for option in ("--json", "--jsonl"):
        done = lookalike("similar", *photos, "--index", shop, option, encoding=encoding)
        assert done.returncode == 0 and not done.stderr
        answers = json.loads(done.stdout) if option == "--json" else list(map(json.loads, done.stdout.splitlines()))
        assert [answer["query"] for answer in answers] == list(map(str, photos))
        assert {match["path"] for match in answers[0]["matches"]} == set(map(str, photos))


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_figures_and_sentences_can_be_printed_in_any_encoding(demo_index, encoding):
    done = lookalike("evaluate", "--index", demo_index, "--limit", 9, encoding=encoding)
    assert done.returncode == 0 and "precision at 5" in done.stdout and "Traceback" not in done.stderr
    code = "from lookalike.tuning.tune import Gain; from lookalike.cli.exit_codes import run; import click\n"
    code += "from lookalike.cli.terminal import show\n"
    code += "run(click.Command('x', callback=lambda: show(str(Gain(('a',), (0, 1), 0, None)))), [])"
    done = run_python("-c", code, env={**os.environ, "PYTHONIOENCODING": encoding})
    assert done.returncode == 0 and b"\\u2192 1.00" in done.stdout and not done.stderr


def test_a_match_is_one_line_that_no_terminal_obeys(shop, tmp_path):
    bad = tmp_path / "bad\x1b[2J\n.jpg"
    bad.write_text("x")
    done = lookalike("similar", bad, shop / "images" / f"{ESCAPES}.jpg", "--index", shop)
    assert done.returncode == 1
    lines = done.stdout.split("\n")
    assert len(lines) == 5 and lines[4] == "" and not any(line.startswith("9") for line in lines)
    assert (
        r"a\x1b]0;title\x07b.jpg" in lines[0]
        and r"Shirt\n9  0.0000  /forged/path.jpg\x1b[2J\x9b31m\u2028end" in lines[1]
    )
    assert r"error: bad\x1b[2J\n.jpg is not an image" in done.stderr
    assert all(char.isprintable() for char in done.stdout + done.stderr if char != "\n")


def test_sentences_are_printable_and_leave_every_script_alone():
    for kind in (ImageError, IndexFileError, lambda name: ShortageError(name, "memory")):
        assert str(kind("a\x1bb\r\n\x7f\u202e\udce9")).startswith(r"a\x1bb\r\n\x7f\u202e\udce9")
    words = "Grün \u00a0 \u3000 服 \u0645\u06cc\u200c\u062e \N{MAN}\u200d\N{DRESS}"
    assert printable(words) == words


def test_it_ends_quietly_where_nobody_reads_on(shop):
    photo = shop / "images" / "plain.jpg"
    python = f"PYTHONUNBUFFERED=1 {sys.executable} -m lookalike"
    many = f"{python} similar $(yes '{photo}' | head -60) --index '{shop}' -k 3"
    for command in (
        f"{many} --json | head -1",
        f"{many} | head -1",
        f"{many} --jsonl | head -1",
        f"{python} --help | true",
    ):
        done = subprocess.run(
            ["bash", "-c", f"{command}; echo ${{PIPESTATUS[0]}}"], cwd=ROOT, capture_output=True, text=True
        )
        assert done.stderr == "" and done.stdout.splitlines()[-1] in ("0", "141"), command
    done = subprocess.run(f"{many} nowhere.jpg 2>&1 | head -1", shell=True, cwd=ROOT, capture_output=True, text=True)
    assert len(done.stdout.splitlines()) == 1


def test_closed_streams_change_nothing_but_what_is_printed(shop):
    python, photo = f"{sys.executable} -m lookalike", shop / "images" / "plain.jpg"
    for command, code, printed in (
        (f"similar nowhere.jpg '{photo}' --index '{shop}' --json 2>&-", 1, True),
        (f"similar nowhere.jpg --index '{shop}' 2>&-", 1, False),
        (f"similar '{photo}' --index '{shop}' <&- >&- 2>&-", 0, False),
        ("similar 2>&-", 2, False),
        (f"index --images '{shop}/images' --output '{shop}/quiet' --no-tune <&- >&- 2>&-", 0, False),
    ):
        done = subprocess.run(["bash", "-c", f"{python} {command}"], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == code and bool(done.stdout) == printed and done.stderr == "", command
        assert not printed or len(json.loads(done.stdout)) == 1
    assert lookalike("similar", photo, "--index", shop / "quiet").returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps the folder that a process runs in")
@pytest.mark.parametrize("command", ["similar x.jpg", "index", "evaluate"])
def test_a_folder_that_is_gone_gets_a_sentence(tmp_path, command):
    gone = tmp_path / "gone"
    script = f"mkdir '{gone}'; cd '{gone}'; rmdir '{gone}'; {sys.executable} -m lookalike {command}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "The folder that this command was started in is gone." in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this machine has no /dev/full")
@pytest.mark.parametrize("command", ["similar", "--help", "index --help", "--version"])
def test_results_that_cannot_be_written_get_a_sentence(shop, command):
    asked = [shop / "images" / "plain.jpg", "--index", shop] if command == "similar" else []
    with open("/dev/full", "w") as full:
        done = lookalike(*command.split(), *asked, capture_output=False, stdout=full, stderr=-1)
    assert done.returncode == 1
    assert (
        done.stderr
        == "error: The results cannot be written (No space left on device). Make room, or send them elsewhere.\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["index", "--images", ""],
        ["index", "--output="],
        ["index", "--styles", ""],
        ["index", "--weights", ""],
        ["similar", ""],
        ["similar", "x.jpg", "--index", ""],
        ["serve", "--index", ""],
        ["evaluate", "--queries", ""],
        ["publish", "--to", ""],
        ["fetch", "--output", ""],
        ["index", "--images", "a", "--images", "b"],
        ["index", "--output=a", "--output", "a"],
        ["index", "--styles", "a", "--images", "b", "--styles", "c"],
        ["similar", "x.jpg", "--index", "a", "y.jpg", "--index", "b"],
        ["evaluate", "--held-out", "a", "--held-out", "b"],
        ["serve", "--index", "a", "--index", "b"],
        ["publish", "--to", "a", "--to", "b"],
        ["similar", "x.jpg", "--json", "--jsonl"],
    ],
)
def test_empty_and_doubled_names_are_wrong_usage(arguments):
    done = lookalike(*arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert any(words in done.stderr for words in ("It is empty", "is given more than once", "exclude each other"))


def test_a_sentence_names_only_options_of_the_command_that_it_names(shop):
    done = lookalike("tune", "--index", shop)
    assert done.returncode == 1 and "3 products have attributes" in done.stderr or "0 products" in done.stderr
    command, *options = re.findall(r"python -m lookalike (\w+)|(--[a-z-]+)", done.stderr)
    known = run_python("-m", "lookalike", command[0], "--help").stdout.decode()
    assert options and all(option in known for _, option in options)


@contextlib.contextmanager
def web_server(answers):
    """Serve answers, a dict from path to bytes, and yield the server's address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = answers.get(self.path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body or b"")

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_a_photo_may_come_from_standard_input_or_a_web_address(shop):
    content = (shop / "images" / "plain.jpg").read_bytes()
    answers = {"/plain.jpg": content, "/page": b"<html>hello</html>", "/large": bytes(MAX_FILE_BYTES + 9)}
    with web_server(answers) as address:
        photos = ["-", f"{address}/plain.jpg", f"{address}/page", f"{address}/gone", f"{address}/large", "http://"]
        done = lookalike("similar", *photos, "--index", shop, "--jsonl", "-k", 1, input=content)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1 and [answer["query"] for answer in answers] == photos[:2]
    assert all(answer["matches"][0]["path"].endswith("plain.jpg") for answer in answers)
    sentences = done.stderr.splitlines()
    assert len(sentences) == 4 and all(sentence.startswith("error: ") for sentence in sentences)
    for words, sentence in zip(
        ("not an image", "HTTP Error 404", "the limit is 50 MB", "cannot be fetched"), sentences
    ):
        assert words in sentence


def test_a_user_without_a_home_directory_is_served(shop):
    stranger = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
    stranger += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "env", "-u", "HOME"]
    if not shutil.which("setpriv") or subprocess.run([*stranger, "true"], capture_output=True).returncode:
        pytest.skip("this machine does not let us become another user")
    environment = {name: value for name, value in os.environ.items() if name not in ("LOOKALIKE_CACHE", "KERAS_HOME")}
    command = [*stranger, sys.executable, "-m", "lookalike", "similar", shop / "images" / "plain.jpg", "--index", shop]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "" and "plain.jpg" in done.stdout


def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere():
    code = "import time\nfrom lookalike.cli.terminal import show_progress\n"
    code += "for _ in show_progress(range(40), unit='image', desc='reading'): time.sleep(0.07)"
    done = run_python("-c", code)
    lines = done.stderr.decode().splitlines()
    assert lines and all(line.startswith("reading: image ") and line.endswith(" of 40") for line in lines)
    assert b"\r" not in done.stderr and len(lines) <= 3
    screen, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, stderr=terminal, check=True)
    seen = os.read(screen, 99_999)
    os.close(terminal)
    os.close(screen)
    assert b"reading: " in seen and b"\r" in seen


def test_progress_of_a_short_run_is_silent_and_passes_all_items(capsys):
    assert list(show_progress(iter("abc"), total=3)) == ["a", "b", "c"]
    assert list(show_progress([])) == []
    assert capsys.readouterr().err == ""


def test_the_last_item_gets_no_line_however_slow_it_is(capsys):
    for _ in show_progress([0], unit="chunk", desc="look"):
        time.sleep(1.1)
    assert capsys.readouterr().err == ""
