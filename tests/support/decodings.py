"""How often each picture is decoded, and at which size: counted where every decoding passes, which goes on as it is."""

from collections import Counter

import pytest

from lookalike.files import sha256
from lookalike.images import decoding


def count_decodings(monkeypatch: pytest.MonkeyPatch) -> "Counter[tuple[str, int]]":
    """Return a counter of (SHA-256 of the file, size asked for), which counts from now on."""
    counts: Counter[tuple[str, int]] = Counter()

    def counted(decode):
        def decode_and_count(content, size, *arguments, **options):
            counts[sha256(content), size] += 1
            return decode(content, size, *arguments, **options)

        return decode_and_count

    for name in ("decode_in_process", "decode_sandboxed"):
        monkeypatch.setattr(decoding, name, counted(getattr(decoding, name)))
    return counts
