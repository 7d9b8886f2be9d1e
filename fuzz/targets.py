"""What is fuzzed: each target takes bytes, and anything but its own kind of error is a finding."""

# ruff: noqa: S101
import csv
import io
import json
import math
import os
import tempfile
import warnings
from pathlib import Path

import numpy as np

from lookalike.embedding.backbones import find_backbone
from lookalike.errors import CatalogueError, ImageError, IndexFileError, WeightsError
from lookalike.images.decoding import KINDS_HERE, PIXELS_HERE, decode, thumbnail
from lookalike.images.headers import orientation, read_header
from lookalike.images.sandbox import decode_sandboxed
from lookalike.index.attribute_head import AttributeHead
from lookalike.index.attributes import read_styles
from lookalike.index.manifest import parse_manifest
from lookalike.index.reading import read_look, read_names, read_spaces
from lookalike.web.look_up.permalink import SearchState

warnings.simplefilter("ignore")
SCRATCH = Path(tempfile.gettempdir(), f"lookalike-fuzz-{os.getpid()}")
COLUMNS = {"gender": ("Men", "Women"), "baseColour": ("Red",)}


def sentence(error):
    """A person reads it: one line, neither empty nor endless."""
    text = str(error)
    # What only claims to be large must be refused for that, not for the memory that it took.
    assert "MemoryError" not in text
    assert text and "\n" not in text and len(text) < 1000, text[:200]


def headers(content):
    """A header is read without any decoder, and what is left is never more than what came."""
    assert 1 <= orientation(content) <= 8
    try:
        header = read_header(content)
    except ValueError as error:
        return sentence(error)
    if header:
        assert len(header.content) <= len(content) + 1 and 1 <= header.orientation <= 8
    return None


def images(content):
    """An image comes out small and RGB, or a sentence; only what is decoded in this process, and small."""
    try:
        header = read_header(content)
    except ValueError:
        header = None
    if header and (header.kind not in KINDS_HERE or header.size[0] * header.size[1] > PIXELS_HERE // 100):
        return
    try:
        shown = decode(content, 16)
        assert shown.mode == "RGB" and not shown.info and thumbnail(content, 16)
    except ImageError as error:
        sentence(error)


def images_apart(content):
    """The same in the process for what can claim little and need much; it may give up, never hang."""
    try:
        assert decode_sandboxed(content, 16, "The photo").mode == "RGB"
    except ImageError as error:
        sentence(error)


def pickles(content):
    for read in (lambda: read_look(content, "x.pkl"), lambda: read_names(content, "x.pkl", True)):
        try:
            assert len(read()) <= len(content)
        except IndexFileError as error:
            sentence(error)


def archives(content):
    try:
        assert all(np.isfinite(matrix).all() for matrix in read_spaces(content, "x.npz").values())
    except IndexFileError as error:
        sentence(error)
    try:
        AttributeHead.from_bytes(content)
    except ValueError as error:
        sentence(error)


def manifest(content):
    try:
        said = parse_manifest(content)
    except ValueError as error:
        assert str(error)
        return
    assert said["n"] > 0 and isinstance(said["backbone"], str) and json.dumps(said).encode()


def styles(content):
    SCRATCH.mkdir(exist_ok=True)
    path = SCRATCH / "styles.csv"
    path.write_bytes(content)
    try:
        table = read_styles(path)
    except CatalogueError as error:
        return sentence(error)
    assert all(isinstance(key, str) and "" not in row.values() for key, row in table.items())
    assert len(table) <= sum(1 for _ in csv.reader(io.StringIO(content.decode("utf-8-sig", "replace"), newline="")))
    return None


def parameters(content):
    """Pairs of key and value, as a browser's address may say them: any text, any number of times."""
    params = {}
    words = content.decode("utf-8", "surrogateescape").split("\n")
    for key, value in zip(words[::2], words[1::2]):
        params[key] = [params[key], value] if key in params else value
    for columns in (None, COLUMNS):
        asked = SearchState.from_params(params, columns)
        assert 0 <= asked.balance <= 1 and math.isfinite(asked.balance) and 1 <= asked.count <= 100
        assert SearchState.from_params(asked.to_params(), columns) == asked


def encoder(content):
    """The JSON beside an encoder."""
    SCRATCH.mkdir(exist_ok=True)
    (SCRATCH / "model.onnx").write_bytes(b"")
    (SCRATCH / "model.json").write_bytes(content)
    try:
        found = find_backbone(str(SCRATCH / "model.onnx"))
    except WeightsError as error:
        assert str(error)
        return
    assert 1 <= found.preprocessing.size <= 2048 and all(map(math.isfinite, found.preprocessing.mean))


TARGETS = (headers, images, images_apart, pickles, archives, manifest, styles, parameters, encoder)
