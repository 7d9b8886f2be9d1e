"""How many bytes of visitors' photos a process holds: beyond a limit, those that came first are given up."""

import threading
import weakref
from typing import Protocol


class HeldPhoto(Protocol):
    """A photo that lives as long as its owner, or until it is given up."""

    content: bytes

    def give_up(self) -> None:
        """Let go of content."""


class PhotoBudget:
    """Counts photos while they live, and keeps their bytes within max_bytes. Threads may share it."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._photos: list[weakref.ref[HeldPhoto]] = []
        self._lock = threading.Lock()

    def add(self, photo: HeldPhoto) -> None:
        """Count a photo, and give up the earliest ones that do not fit beside it."""
        with self._lock:
            held = [kept for kept in (ref() for ref in self._photos) if kept is not None and kept.content]
            total = len(photo.content) + sum(len(kept.content) for kept in held)
            while held and total > self.max_bytes:
                total -= len(held[0].content)
                held.pop(0).give_up()
            self._photos = [weakref.ref(kept) for kept in (*held, photo)]
