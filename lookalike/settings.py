"""What the environment says: the LOOKALIKE_… variables, and how many cores this process may use.

This is the only module that reads these variables. They are read at each call of `Settings.from_environment`,
so that nothing happens at import time.
"""

import math
import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

# What an operator may choose between; the core says which of them this machine has.
ENGINES = ("auto", "openvino", "tensorflow")
PRECISIONS = ("auto", "bf16", "f32")
DEFAULT_QUERIES_PER_MINUTE = 40
CPU_LIMIT_FILE = Path("/sys/fs/cgroup/cpu.max")


@dataclass(frozen=True)
class Settings:
    """One process's settings, with the defaults that hold where a variable is missing or makes no sense.

    Attributes:
        index: folder of the index, or milvus://HOST:PORT/NAME (LOOKALIKE_INDEX).
        staff_page: whether the page Catalogue is served, for the shop's staff (LOOKALIKE_STAFF_PAGE=1).
        keep_uploads_in: folder that keeps visitors' photos, None to keep none (LOOKALIKE_KEEP_UPLOADS).
        picture_folders: further folders whose pictures may be shown (LOOKALIKE_PICTURES, separated as in PATH).
        queries_per_minute: new questions a minute from one visitor, 0 for no limit (LOOKALIKE_QUERIES_PER_MINUTE).
        metrics_port: where /healthz and /metrics are served, "" for nowhere (LOOKALIKE_METRICS_PORT). It is text:
            the health server reports a value that is not a port.
        metrics_address: the address they are served on (LOOKALIKE_METRICS_ADDRESS).
        cache: folder of the converted networks (LOOKALIKE_CACHE; the user's own cache folder if absent).
        index_at_start: whether the app makes a missing index of a small folder images/ unasked
            (LOOKALIKE_INDEX_AT_START=1).
        milvus_token: credentials of a Milvus server, "" for none (LOOKALIKE_MILVUS_TOKEN).
    """

    index: str
    staff_page: bool
    keep_uploads_in: Path | None
    picture_folders: tuple[Path, ...]
    queries_per_minute: int
    metrics_port: str
    metrics_address: str
    cache: Path
    index_at_start: bool
    milvus_token: str

    @staticmethod
    def from_environment() -> "Settings":
        """Read all variables as they stand now."""
        keep = os.environ.get("LOOKALIKE_KEEP_UPLOADS", "")
        folders = os.environ.get("LOOKALIKE_PICTURES", "").split(os.pathsep)
        return Settings(
            index=os.environ.get("LOOKALIKE_INDEX") or ".",
            staff_page=os.environ.get("LOOKALIKE_STAFF_PAGE", "") not in ("", "0"),
            keep_uploads_in=Path(keep) if keep else None,
            picture_folders=tuple(Path(folder) for folder in folders if folder),
            queries_per_minute=_whole_number("LOOKALIKE_QUERIES_PER_MINUTE", DEFAULT_QUERIES_PER_MINUTE),
            metrics_port=os.environ.get("LOOKALIKE_METRICS_PORT", ""),
            metrics_address=os.environ.get("LOOKALIKE_METRICS_ADDRESS") or "127.0.0.1",
            cache=_cache_folder(),
            index_at_start=os.environ.get("LOOKALIKE_INDEX_AT_START", "") not in ("", "0"),
            milvus_token=os.environ.get("LOOKALIKE_MILVUS_TOKEN", ""),
        )


def _whole_number(variable: str, default: int) -> int:
    try:
        return max(0, int(os.environ.get(variable, "")))
    except ValueError:
        return default


def _cache_folder() -> Path:
    own = os.environ.get("LOOKALIKE_CACHE")
    return Path(own) if own else platformdirs.user_cache_path("lookalike", appauthor=False)


def ensure_home() -> None:
    """Give a user without a home directory the root folder as one, as Docker does.

    Streamlit does not start without any. That nothing can be written there costs no more than caches.
    """
    if os.path.expanduser("~") == "~":
        os.environ["HOME"] = os.sep


def usable_cores() -> int:
    """How many cores this process may use, at least 1: the machine's, less what affinity and a container take away."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = CPU_LIMIT_FILE.read_text().split()
        allowed = min(allowed, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError, ZeroDivisionError):  # no cgroup here, or "max": no limit
        pass
    return max(1, allowed)
