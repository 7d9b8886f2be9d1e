"""The fuzzing targets: each takes any bytes, and any exception but the expected error is a finding."""

# ruff: noqa: S101
import gzip
import json
import math
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from lookalike.embedding.backbones import find_backbone
from lookalike.errors import CatalogueError, ImageError, IndexFileError, WeightsError
from lookalike.images.decoding import IN_PROCESS_KINDS, MAX_IN_PROCESS_PIXELS, decode, thumbnail
from lookalike.images.headers import read_header, read_orientation
from lookalike.images.sandbox import decode_sandboxed
from lookalike.index.attribute_head import AttributeHead
from lookalike.index.attributes import read_styles
from lookalike.index.manifest import parse_manifest
from lookalike.index.reading import read_look, read_names, read_spaces
from lookalike.web.look_up.permalink import SearchState

Target: TypeAlias = Callable[[bytes], None]

COLUMNS = {"gender": ("Men", "Women"), "baseColour": ("Red",)}


def check_sentence(error: Exception) -> None:
    """Check that a person can read the error: one line, neither empty nor endless."""
    text = str(error)
    # An input that only claims to be large must be refused for its claim, not for the memory that it took.
    assert "MemoryError" not in text
    assert text and "\n" not in text and len(text) < 1000, text[:200]


def scratch_file(name: str, content: bytes) -> Path:
    """Write content to a file of that name in a folder of this process, and return its path."""
    folder = Path(tempfile.gettempdir(), f"lookalike-fuzz-{os.getpid()}")
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    return path


def headers(content: bytes) -> None:
    """A header is read without a decoder; the cleaned content is longer by no more than an end mark it lacked."""
    assert 1 <= read_orientation(content) <= 8
    try:
        header = read_header(content)
    except ValueError as error:
        return check_sentence(error)
    if header:
        assert len(header.content) <= len(content) + 3 and 1 <= header.orientation <= 8
    return None


def images(content: bytes) -> None:
    """A small image that is decoded in this process comes out small and RGB, or is refused with a sentence."""
    try:
        header = read_header(content)
    except ValueError:
        header = None
    if header:
        width, height = header.size or (0, 0)
        if header.kind not in IN_PROCESS_KINDS or width * height > MAX_IN_PROCESS_PIXELS // 100:
            return
    try:
        shown = decode(content, 16)
        assert shown.mode == "RGB" and not shown.info and thumbnail(content, 16)
    except ImageError as error:
        check_sentence(error)


def sandboxed_images(content: bytes) -> None:
    """The same in the sandbox, for formats where a small file can cost a lot: it may give up, but never hang."""
    try:
        assert decode_sandboxed(content, 16, "The photo").mode == "RGB"
    except ImageError as error:
        check_sentence(error)


def pickles(content: bytes) -> None:
    """A pickle gives at most as many vectors or names as it has bytes, or is refused with a sentence."""
    for read in (lambda: read_look(content), lambda: read_names(content, classic=True)):
        try:
            assert len(read()) <= len(content)
        except IndexFileError as error:
            check_sentence(error)


def archives(content: bytes) -> None:
    """Spaces are finite numbers, and spaces and heads that cannot be read are refused with a sentence."""
    try:
        assert all(np.isfinite(matrix).all() for matrix in read_spaces(content).values())
    except IndexFileError as error:
        check_sentence(error)
    try:
        AttributeHead.from_bytes(content)
    except ValueError as error:
        check_sentence(error)


def manifest(content: bytes) -> None:
    """A manifest has the entries that every reader relies on, or is refused."""
    try:
        parsed = parse_manifest(content)
    except ValueError as error:
        assert str(error)
        return
    assert parsed["n"] > 0 and isinstance(parsed["backbone"], str) and json.dumps(parsed).encode()


def styles(content: bytes) -> None:
    """A table gives at most one product a line and no empty value, or is refused with a sentence."""
    try:
        table = read_styles(scratch_file("styles.csv", content))
    except CatalogueError as error:
        return check_sentence(error)
    assert all(isinstance(key, str) and "" not in row.values() for key, row in table.items())
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    assert len(table) <= content.count(b"\n") + content.count(b"\r")
    return None


def parameters(content: bytes) -> None:
    """The parameters of a page's address, any text any number of times, give a valid state that round-trips."""
    params: dict[str, Any] = {}  # a key that comes three times nests its values, which no browser does
    words = content.decode("utf-8", "surrogateescape").split("\n")
    for key, value in zip(words[::2], words[1::2]):
        params[key] = [params[key], value] if key in params else value
    for columns in (None, COLUMNS):
        state = SearchState.from_params(params, columns)
        assert 0 <= state.balance <= 1 and math.isfinite(state.balance) and 1 <= state.count <= 100
        assert SearchState.from_params(state.to_params(), columns) == state


def encoder(content: bytes) -> None:
    """The JSON beside an ONNX encoder describes a usable input size and finite means, or is refused."""
    model = scratch_file("model.onnx", b"")
    scratch_file("model.json", content)
    try:
        backbone = find_backbone(str(model))
    except WeightsError as error:
        assert str(error)
        return
    assert 1 <= backbone.preprocessing.size <= 2048 and all(map(math.isfinite, backbone.preprocessing.mean))


TARGETS: tuple[Target, ...] = (
    headers,
    images,
    sandboxed_images,
    pickles,
    archives,
    manifest,
    styles,
    parameters,
    encoder,
)
