"""Decodes an image in a process of its own, which can be stopped, may crash and gets only so much memory.

Pillow's and libheif's decoders cannot be interrupted, and a file can claim little and then need much: the
kinds and sizes for which that is so come here, all others are decoded where they are asked for.
"""

import atexit
import os
import signal
import struct
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

from PIL import Image

from lookalike.errors import ImageError, ShortageError, UndecidedError

# The slowest file within all limits takes a quarter of it on a slow core; the rest is for busy machines.
SECONDS = 30

# It takes a second to begin; a machine on which that takes so long is out of something.
SECONDS_TO_BEGIN = 60

MEMORY = 3 * 2**30

REQUEST, ANSWER = struct.Struct("<QII"), struct.Struct("<?III")

READY = b"!"

# One thread a library: each thread's arena would count against MEMORY.
ENVIRONMENT = {"MALLOC_ARENA_MAX": "2", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

_idle, _all_busy, _one_heavy = [], threading.Semaphore(os.cpu_count() or 1), threading.Semaphore(1)


def decode_sandboxed(content, size, name, heavy=False, seconds=None):
    """The RGB Pillow image in content, for size as decode has it; raises ImageError.

    Where it takes too long, or its process dies twice, that is an UndecidedError: a busy machine, or one
    short of memory, does that to sound files too. Raises ShortageError where the machine lets no such process
    run. Of heavy ones, which may need all of MEMORY, one is decoded at a time.
    """
    seconds = seconds or SECONDS
    with _one_heavy if heavy else _all_busy:
        answer = _answer(content, size, name, heavy, seconds) or _answer(content, size, name, heavy, seconds)
    if answer is None:
        raise UndecidedError(_gave_up(name))
    if isinstance(answer, str):
        raise ImageError(answer)
    return answer


def _answer(content, size, name, heavy, seconds):
    """The image, the sentence that says why there is none, or None where the worker died."""
    worker = _living() or _start(name)
    try:
        with _killed_after(seconds, worker) as expired:
            answer = _ask(worker, content, size, name)
    except (OSError, ValueError, struct.error):
        _stop(worker)
        if expired.is_set():
            raise UndecidedError(_gave_up(name, seconds)) from None
        return None
    except BaseException:
        _stop(worker)
        raise
    # What a heavy file needed is given back with its process.
    _stop(worker) if heavy or expired.is_set() else _idle.append(worker)
    return answer


def _gave_up(name, seconds=None):
    what = f"takes longer than {seconds:g} s to decode, the limit" if seconds else "made its decoder fail"
    return f"{name} {what}. Save it as an ordinary JPEG and try again."


@contextmanager
def _killed_after(seconds, worker):
    """Kill the worker if the block takes longer; the event given is then set."""
    expired = threading.Event()
    timer = threading.Timer(seconds, lambda: (expired.set(), worker.kill()))
    try:
        timer.start()
        yield expired
    finally:
        timer.cancel()


def _living():
    """An idle worker, or None; what died while it was idle died of no file."""
    with suppress(IndexError):  # of a list that another thread has just emptied
        while (worker := _idle.pop()).poll() is not None:
            _stop(worker)
        return worker
    return None


def _start(name):
    """A worker that has all it needs to begin; raises ShortageError, which names the image that waits for it."""
    try:
        worker = subprocess.Popen(  # noqa: S603 # nosec B603 - our own module
            [sys.executable, "-m", "lookalike.images.sandbox"],
            cwd=Path(__file__).parents[2],
            env={**os.environ, **ENVIRONMENT},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        raise ShortageError(name, error.strerror) from None
    try:
        with _killed_after(SECONDS_TO_BEGIN, worker) as expired:
            ready = worker.stdout.read(len(READY)) == READY
    except BaseException:
        _stop(worker)
        raise
    if ready and not expired.is_set():
        return worker
    _stop(worker)
    raise ShortageError(name, "its decoder does not begin" if expired.is_set() else "too little memory is free")


def _ask(worker, content, size, name):
    """The image, or the sentence that says why there is none; OSError, ValueError or struct.error where it died."""
    called = os.fsencode(name)
    worker.stdin.write(REQUEST.pack(len(content), size, len(called)) + called)
    worker.stdin.write(content)
    worker.stdin.flush()
    fine, width, height, length = ANSWER.unpack(worker.stdout.read(ANSWER.size))
    if length > MEMORY // 4:
        raise ValueError("no answer of a sound worker")
    body = worker.stdout.read(length)
    if len(body) != length:
        raise OSError("the worker died")
    return Image.frombytes("RGB", (width, height), body) if fine else os.fsdecode(body)


def _stop(worker):
    worker.kill()
    for pipe in (worker.stdin, worker.stdout):
        with suppress(OSError):  # of what it did not take any more
            pipe.close()
    worker.wait()


@atexit.register
def _stop_all():
    while _idle:
        _stop(_idle.pop())


def _serve(requests, answers, memory=MEMORY):
    """Answer requests until there are no more, in so many bytes of memory; ended by a file for which less than MEMORY
    is not enough: elsewhere it may be."""
    from lookalike.images.pillow import decode_in_process

    answers.write(READY)
    answers.flush()
    while header := requests.read(REQUEST.size):
        length, size, called = REQUEST.unpack(header)
        name, content = os.fsdecode(requests.read(called)), requests.read(length)
        try:
            image = decode_in_process(content, size, name)
            answer = (True, *image.size), image.tobytes()
        except ImageError as error:
            answer = (False, 0, 0), os.fsencode(str(error))
        except MemoryError:
            if memory < MEMORY:
                raise
            answer = (False, 0, 0), os.fsencode(f"{name} needs too much memory. Save it smaller and try again.")
        answers.write(ANSWER.pack(*answer[0], len(answer[1])))
        answers.write(answer[1])
        answers.flush()
        del content, answer


def _main():
    # Ctrl-C in a terminal reaches every process there; this one ends when its pipe does.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    memory = MEMORY
    if sys.platform == "linux":
        import resource

        # An operator's own limit that is lower stands; not even root may raise it everywhere.
        given = [limit for limit in resource.getrlimit(resource.RLIMIT_AS) if limit != resource.RLIM_INFINITY]
        memory = min([MEMORY, *given])
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    _serve(sys.stdin.buffer, answers, memory)


if __name__ == "__main__":
    _main()
