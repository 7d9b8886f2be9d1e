"""The indexing process is killed, stopped, run twice at once and out of disk: no work is lost or mixed."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import termios
import threading
import time
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from lookalike.index.reading import load_index
from tests.support.data import ROOT
from tests.support.processes import heed_ctrl_c

FILES = ("embeddings.pkl", "filenames.pkl", "spaces.npz", "index.json", "skipped.csv")
COUNT = 200
KILLS = 20
STOPS = 3


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Files of 12 pictures, all with different bytes and too large to decode instantly; some are broken."""
    folder = tmp_path_factory.mktemp("shop") / "images"
    folder.mkdir()
    numbers = np.random.default_rng(0)
    for kind in range(12):
        small = Image.fromarray(numbers.integers(0, 256, (12, 9, 3), dtype=np.uint8))
        small.resize((1500, 2000), Image.Resampling.BICUBIC).save(folder / "one.webp", quality=60)
        content = (folder / "one.webp").read_bytes()
        for number in range(kind, COUNT, 12):
            kept = len(content) if number % 40 else 99
            (folder / f"{number:03}.webp").write_bytes(content[:kept] + b"%d" % number)
    (folder / "one.webp").unlink()
    return folder


class Run:
    """One indexing process, whose stderr is a terminal: only there is progress a bar."""

    def __init__(self, images, output, *options):
        self.output, self.shown = output, b""
        command = [sys.executable, "extract_features.py", "--images", images, "--output", output]
        command += ["--backbone", "efficientnet-lite0", "--batch-size", "4", *options]
        self.terminal, stderr = os.openpty()
        termios.tcsetwinsize(stderr, (24, 80))
        # Jobs that a shell starts in the background ignore Ctrl-C, and so would this process.
        self.process = subprocess.Popen(
            list(map(str, command)), cwd=ROOT, stdout=subprocess.PIPE, stderr=stderr, preexec_fn=heed_ctrl_c
        )
        os.close(stderr)
        self.reader = threading.Thread(target=self._read_terminal)
        self.reader.start()

    def _read_terminal(self):
        with suppress(OSError):  # the process has ended
            while more := os.read(self.terminal, 4096):
                self.shown += more
        os.close(self.terminal)

    def wait_for_work(self):
        """Wait for the progress bar; return how many images it shows as done, None if it never appears."""
        while (bar := re.search(rb" (\d+)/\d+ \[", self.shown)) is None:
            if not self.reader.is_alive():
                return None
            time.sleep(0.002)
        return int(bar[1])

    def wait_for_save(self):
        """Wait until work is saved to disk or the process ends."""
        before = self._saved_at()
        while self._saved_at() == before and self.process.poll() is None:
            time.sleep(0.01)

    def _saved_at(self):
        return [path.stat().st_mtime_ns for path in self.output.glob(".lookalike/*.sqlite-wal") if path.exists()]

    def end(self, signal_=None):
        """Send a signal if given; return the exit code, stdout and stderr."""
        if signal_:
            self.process.send_signal(signal_)
        out, _ = self.process.communicate(timeout=90)
        self.reader.join()
        return self.process.returncode, out.decode(), self.shown.decode().replace("\r\n", "\n")


def content(folder):
    """Return the bytes of the files of an index: two indexes are the same if these are."""
    return {name: (folder / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module")
def uninterrupted(images):
    """The files as one run writes them, in the folder where the interrupted runs write theirs."""
    code, out, err = Run(images, images.parent).end()
    assert code == 0 and f"{COUNT} found, {COUNT - 5} indexed, 5 skipped" in out, err
    files = content(images.parent)
    for name in FILES:
        (images.parent / name).unlink()
    shutil.rmtree(images.parent / ".lookalike")
    return files


def test_twenty_kills_at_random_moments_do_not_change_the_result(images, uninterrupted):
    """After a run that was quick enough to finish, the next one rebuilds, and is killed too."""
    moments, seen, killed = random.Random(7), [], 0
    while killed < KILLS:
        run = Run(images, images.parent, *(["--rebuild"] if seen and seen[-1] == COUNT else []))
        if killed % 5 < 4:  # else it is killed while it starts or opens the work of the last one
            seen.append(run.wait_for_work())
        if killed % 5 < 2:  # otherwise a slow machine would never get beyond its first save
            run.wait_for_save()
        time.sleep(moments.uniform(0, 1.2))
        killed += run.end(signal.SIGKILL)[0] == -signal.SIGKILL
    assert len(set(seen)) >= 4 and sum(0 < done < COUNT for done in seen) >= 5, seen
    assert Run(images, images.parent).end()[0] == 0
    assert content(images.parent) == uninterrupted


def test_an_index_whose_writing_was_killed_is_written_by_the_next_run(images, uninterrupted):
    """The kill leaves a whole index or none, and the next run never takes it for finished."""
    Run(images, images.parent).end()
    for name in (*FILES, "embeddings.pkl.new"):
        (images.parent / name).unlink(missing_ok=True)
    run = Run(images, images.parent)
    while not (images.parent / "embeddings.pkl.new").exists() and run.process.poll() is None:
        pass
    run.end(signal.SIGKILL)
    assert Run(images, images.parent).end()[0] == 0
    assert content(images.parent) == uninterrupted
    assert not list(images.parent.glob("*.new"))


def test_ctrl_c_stops_at_once_and_says_what_is_saved_and_the_next_run_goes_on(images, tmp_path):
    moments, said = random.Random(3), 0
    for _ in range(STOPS):
        run = Run(images, tmp_path, "--workers", "1")  # or a fast machine would be done before it is stopped
        assert run.wait_for_work() == said
        run.wait_for_save()
        time.sleep(moments.uniform(0, 0.2))
        start = time.perf_counter()
        code, _, err = run.end(signal.SIGINT)
        assert time.perf_counter() - start < 3 and "Traceback" not in err
        assert code == 130, err
        sentence = re.search(rf"^Stopped\. (\d+) of {COUNT} images are done and saved; run the same command", err, re.M)
        assert sentence and said < int(sentence[1]) < COUNT, err
        said = int(sentence[1])


@pytest.mark.parametrize("seconds", [0, 0.05, 0.1, 0.2, 0.4])
def test_a_second_ctrl_c_adds_nothing(images, tmp_path, seconds):
    """It comes before the first has taken effect, or while the process waits for its threads, or is about to end."""
    run = Run(images, tmp_path)
    run.wait_for_work()
    run.process.send_signal(signal.SIGINT)
    time.sleep(seconds)
    code, _, err = run.end(signal.SIGINT)
    assert code == 130, err
    assert err.count("Stopped. ") == 1 and "Traceback" not in err


def test_a_second_run_on_one_output_is_refused(images, tmp_path):
    first = Run(images, tmp_path)
    first.wait_for_work()
    first.process.send_signal(signal.SIGSTOP)  # or it might be done before the others have started
    for options in ([], ["--precision", "f32", "--rebuild"]):
        code, _, err = Run(images, tmp_path, *options).end()
        assert code == 1 and "error: Another run is writing to" in err and "Traceback" not in err
    first.process.send_signal(signal.SIGCONT)
    assert first.end(signal.SIGINT)[0] == 130


def test_a_disk_that_fills_up_during_a_run_is_reported_and_the_old_index_stays(images, tmp_path):
    """A real file system, if the machine lets us mount one, with 64 KB left for the remaining work."""
    disk, shop = tmp_path / "disk", tmp_path / "images"
    disk.mkdir()
    shop.mkdir()
    if not shutil.which("mount") or mount(disk, "size=30m"):
        pytest.skip("this machine does not let us mount a small disk")
    try:
        shutil.copy(next((ROOT / "images").glob("*.jpg")), shop)
        assert Run(shop, disk).end()[0] == 0
        before = content(disk)
        shutil.copytree(images, shop, dirs_exist_ok=True)
        finished = stopped_once_saved(Run(shop, disk, "--workers", "1"))
        assert not mount(disk, f"remount,size={shutil.disk_usage(disk).used + 2**16}")
        code, _, err = Run(shop, disk).end()
        last = err.strip().splitlines()[-1]
        assert code == 1 and last.startswith("error: ") and "disk is full" in last
        assert "finished work is kept, and an index that was there is unchanged. Make room" in last
        assert content(disk) == before and len(load_index(disk).names) == 1
        assert not mount(disk, "remount,size=30m")
        again = Run(shop, disk)
        assert again.wait_for_work() >= finished > 1 and again.end()[0] == 0
        assert len(load_index(disk).names) == 1 + sum(number % 40 > 0 for number in range(COUNT))
    finally:
        # Lazily: otherwise a process that a failed test left there would hide why it failed.
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def stopped_once_saved(run):
    """Press Ctrl-C once work is saved; return how many images the run says are saved."""
    run.wait_for_work()
    run.wait_for_save()
    code, _, err = run.end(signal.SIGINT)
    assert code == 130
    return int(re.search(r"^Stopped\. (\d+) of", err, re.M)[1])


def mount(disk, options):
    return subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)], capture_output=True).returncode


def test_ctrl_c_while_tuning_says_that_the_index_is_whole(tmp_path):
    """The run is stopped when the progress bar of tuning appears."""
    command, pipe = [sys.executable, "extract_features.py", "--backbone", "efficientnet-lite0"], subprocess.PIPE
    command += ["--output", str(tmp_path)]
    run = subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, preexec_fn=heed_ctrl_c)
    shown = b""
    while b"tuning" not in shown and (more := run.stderr.read1()):
        shown += more
    run.send_signal(signal.SIGINT)
    said = run.communicate(timeout=120)[1].decode()
    sentence = "Stopped. The index is whole; to tune it, run: python -m lookalike tune --index"
    assert run.returncode == 130 and sentence in said
    assert len(load_index(tmp_path).names) == 257


def test_ctrl_c_at_any_moment_leaves_no_lock_that_threads_wait_for():
    """A pool whose lock is lost never ends: the command would hang after its Ctrl-C."""
    code = """
import faulthandler, os, random, signal, threading, time
from concurrent.futures import ThreadPoolExecutor
from lookalike.cli import exit_codes
faulthandler.dump_traceback_later(60, exit=True)
def interrupt(seconds):
    time.sleep(seconds)
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
for seed in range(400):
    pool, heard = ThreadPoolExecutor(2), False
    signal.signal(signal.SIGINT, exit_codes._interrupt_handler())
    try:
        threading.Thread(target=interrupt, args=(random.Random(seed).uniform(0, 0.004),)).start()
        while True:
            pool.submit(int)
    except KeyboardInterrupt:
        heard = True
    pool.shutdown(cancel_futures=True)
    assert heard
print("ended")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout == "ended\n", done.stderr


@pytest.mark.parametrize("last", ["both[::-1]", "both"], ids=["newest first", "oldest first"])
def test_ctrl_c_still_works_after_the_engines_are_gone(last):
    code = f"""
import gc, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs ignore it
from lookalike.embedding.backbones import find_backbone
from lookalike.embedding.embedder import load_embedder
both = [load_embedder(find_backbone("efficientnet-lite0"), engine="openvino") for _ in range(2)]
removed = {last}
both.clear()
while removed:
    del removed[0]
    gc.collect()
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("heard")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr
