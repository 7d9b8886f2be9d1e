"""Decode images in processes that can be killed, may crash and get limited memory.

Pillow's and libheif's decoders cannot be interrupted, and a file can claim little and then need much. The kinds and
sizes for which that is so are decoded here, all others in the process that asks.
"""

import atexit
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from PIL import AvifImagePlugin, Image

from lookalike.errors import ImageError, ShortageError, UndecidedError
from lookalike.images.pillow import SRGB_PROFILE, decode_in_process
from lookalike.settings import usable_cores

MAX_MEMORY = 3 * 2**30

REQUEST, ANSWER = struct.Struct("<QII"), struct.Struct("<??III")

READY = b"!"

# One thread a library: each thread's arena would count against MAX_MEMORY.
ENVIRONMENT = {"MALLOC_ARENA_MAX": "2", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def decode_sandboxed(content: bytes, size: int, name: str, heavy: bool = False) -> Image.Image:
    """Decode bytes as decoding.decode does, in this process's shared Sandbox; raises what Sandbox.decode does."""
    return shared_sandbox().decode(content, size, name, heavy)


class Worker:
    """A process that decodes one image after another. OSError, ValueError or struct.error mean that it died."""

    def __init__(self, command: Sequence[str] = ()) -> None:
        """Start the process; raises OSError. command is for tests: the program that stands for the worker."""
        self._process = subprocess.Popen(  # noqa: S603 # nosec B603 - our own module
            command or [sys.executable, "-m", "lookalike.images.sandbox"],
            cwd=Path(__file__).parents[2],
            env={**os.environ, **ENVIRONMENT},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdin and self._process.stdout  # noqa: S101 # nosec B101 - both are pipes
        self._requests: IO[bytes] = self._process.stdin
        self._answers: IO[bytes] = self._process.stdout

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def wait_until_ready(self) -> bool:
        """Wait until it can take requests; return False if it died before that."""
        return self._answers.read(len(READY)) == READY

    def ask(self, content: bytes, size: int, name: str) -> Image.Image | ImageError:
        """Return the decoded image, or the error that says why there is none."""
        called = os.fsencode(name)
        self._requests.write(REQUEST.pack(len(content), size, len(called)) + called)
        self._requests.write(content)
        self._requests.flush()
        fine, has_srgb_profile, width, height, length = ANSWER.unpack(self._answers.read(ANSWER.size))
        if length > MAX_MEMORY // 4:
            raise ValueError("not an answer of a sound worker")
        body = self._answers.read(length)
        if len(body) != length:
            raise OSError("the worker died")
        if not fine:
            return ImageError(os.fsdecode(body))
        image = Image.frombytes("RGB", (width, height), body)
        image.info = {SRGB_PROFILE: True} if has_srgb_profile else {}
        return image

    def kill(self) -> None:
        self._process.kill()

    def stop(self) -> None:
        """Kill the process and give back what it held."""
        self.kill()
        for pipe in (self._requests, self._answers):
            with suppress(OSError):  # about bytes that it no longer took
                pipe.close()
        self._process.wait()


class Sandbox:
    """A pool of workers, which are started when needed and used again.

    The slowest file within all limits takes a quarter of max_seconds on a slow core; the rest is for busy machines.
    A worker starts within a second; if that takes max_seconds_to_start, the machine has run out of something.
    start makes a worker and may raise OSError.
    """

    def __init__(
        self, max_seconds: float = 30, max_seconds_to_start: float = 60, start: Callable[[], Worker] = Worker
    ) -> None:
        self.max_seconds, self.max_seconds_to_start = max_seconds, max_seconds_to_start
        self._start = start
        self._idle: list[Worker] = []
        self._slots, self._heavy_slot = threading.Semaphore(usable_cores()), threading.Semaphore(1)

    def decode(self, content: bytes, size: int, name: str, heavy: bool = False) -> Image.Image:
        """Decode bytes as decoding.decode does; raises ImageError.

        Raises UndecidedError if that takes too long or kills two workers: on a busy machine, or one short of memory,
        sound files do that too. Raises ShortageError if the machine cannot run a worker. Heavy files, which may need
        all of MAX_MEMORY, are decoded one at a time.
        """
        with self._heavy_slot if heavy else self._slots:
            answer = self._try(content, size, name, heavy) or self._try(content, size, name, heavy)
        if answer is None:
            raise UndecidedError(f"{name} made its decoder fail. Save it as an ordinary JPEG and try again.")
        if isinstance(answer, ImageError):
            raise answer
        return answer

    def close(self) -> None:
        """Stop all idle workers."""
        while self._idle:
            self._idle.pop().stop()

    def _try(self, content: bytes, size: int, name: str, heavy: bool) -> Image.Image | ImageError | None:
        """Return the image, the error that says why there is none, or None if the worker died."""
        worker = self._idle_worker() or self._new_worker(name)
        try:
            with killed_after(self.max_seconds, worker) as expired:
                answer = worker.ask(content, size, name)
        except (OSError, ValueError, struct.error):
            worker.stop()
            if expired.is_set():
                raise UndecidedError(
                    f"{name} takes longer than {self.max_seconds:g} s to decode, the limit. "
                    "Save it as an ordinary JPEG and try again."
                ) from None
            return None
        except BaseException:
            worker.stop()
            raise
        if heavy or expired.is_set():
            worker.stop()  # which gives back the memory that a heavy file needed
        else:
            self._idle.append(worker)
        return answer

    def _idle_worker(self) -> Worker | None:
        """Return an idle worker or None. A worker that died while idle was not killed by an image."""
        with suppress(IndexError):  # another thread has just emptied the list
            while not (worker := self._idle.pop()).is_alive:
                worker.stop()
            return worker
        return None

    def _new_worker(self, name: str) -> Worker:
        """Return a worker that is ready; raises ShortageError, which names the image that waits for it."""
        try:
            worker = self._start()
        except OSError as error:
            raise ShortageError(name, error.strerror or str(error)) from None
        try:
            with killed_after(self.max_seconds_to_start, worker) as expired:
                ready = worker.wait_until_ready()
        except BaseException:
            worker.stop()
            raise
        if ready and not expired.is_set():
            return worker
        worker.stop()
        raise ShortageError(name, "its decoder does not begin" if expired.is_set() else "too little memory is free")


_shared: Sandbox | None = None
_shared_lock = threading.Lock()


def shared_sandbox() -> Sandbox:
    """Return the one Sandbox of this process, made at first use and closed when the process ends."""
    global _shared
    with _shared_lock:
        if _shared is None:
            _shared = Sandbox()
            atexit.register(_shared.close)
        return _shared


@contextmanager
def killed_after(seconds: float, worker: Worker) -> Iterator[threading.Event]:
    """Kill the worker if the block takes longer; the event that the block gets is then set."""
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        worker.kill()

    timer = threading.Timer(seconds, expire)
    try:
        timer.start()
        yield expired
    finally:
        timer.cancel()


def serve(requests: IO[bytes], answers: IO[bytes], max_memory: int) -> None:
    """Answer requests until there are no more, within max_memory bytes.

    Raises MemoryError for a file for which less than MAX_MEMORY is not enough: elsewhere it may be.
    """
    answers.write(READY)
    answers.flush()
    while header := requests.read(REQUEST.size):
        length, size, called = REQUEST.unpack(header)
        name, content, has_srgb_profile = os.fsdecode(requests.read(called)), requests.read(length), False
        try:
            image = decode_in_process(content, size, name, heed_profile=True)
            fine, sides, body = True, image.size, image.tobytes()
            has_srgb_profile = SRGB_PROFILE in image.info
        except ImageError as error:
            fine, sides, body = False, (0, 0), os.fsencode(str(error))
        except MemoryError:
            if max_memory < MAX_MEMORY:
                raise
            sentence = f"{name} needs too much memory. Save it smaller and try again."
            fine, sides, body = False, (0, 0), os.fsencode(sentence)
        answers.write(ANSWER.pack(fine, has_srgb_profile, *sides, len(body)))
        answers.write(body)
        answers.flush()
        del content, body


def _main() -> None:
    # Ctrl-C in a terminal reaches every process there; this one ends when its pipe does.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(10)  # a slow file must not take the cores from quick questions
    max_memory = MAX_MEMORY
    if sys.platform == "linux":
        import resource

        # An operator's own lower limit stands; not even root may raise it everywhere.
        given = [limit for limit in resource.getrlimit(resource.RLIMIT_AS) if limit != resource.RLIM_INFINITY]
        max_memory = min([MAX_MEMORY, *given])
        resource.setrlimit(resource.RLIMIT_AS, (max_memory, max_memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Set here alone, for this process is all ours: headers.MAX_PIXELS is checked first, with a sentence of our own.
    Image.MAX_IMAGE_PIXELS = None
    AvifImagePlugin.DEFAULT_MAX_THREADS = 4
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    serve(sys.stdin.buffer, answers, max_memory)


if __name__ == "__main__":
    _main()
