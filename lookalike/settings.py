"""What the environment says: the LOOKALIKE_… variables, and how many cores this process may use.

This is the only module that reads these variables. They are read at each call of `Settings.from_environment`,
so that nothing happens at import time.
"""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import platformdirs

# What an operator may choose between; the core says which of them this machine has.
ENGINES = ("auto", "openvino", "tensorflow")
PRECISIONS = ("auto", "bf16", "f32")
Ranking: TypeAlias = Literal["default", "look"]
RANKINGS: tuple[Ranking, ...] = get_args(Ranking)
StaffPage: TypeAlias = Literal["off", "open", "password", "login"]
DEFAULT_QUERIES_PER_MINUTE = 40
CPU_LIMIT_FILE = Path("/sys/fs/cgroup/cpu.max")


@dataclass(frozen=True)
class Settings:
    """One process's settings, with the defaults that hold where a variable is missing or makes no sense.

    Attributes:
        index: folder of the index, or milvus://HOST:PORT/NAME (LOOKALIKE_INDEX).
        ranking: "look" to rank by the look alone (LOOKALIKE_RANKING).
        staff_page: whether the page Catalogue is served, for the shop's staff, and to whom: to everybody
            (LOOKALIKE_STAFF_PAGE=1), with a password (=password, or 1 with LOOKALIKE_STAFF_PASSWORD), or to whom an
            identity provider knows (=login). Any other value is off.
        staff_password: the digest of that password, "" for none here (LOOKALIKE_STAFF_PASSWORD); see
            lookalike/serving/passwords.py.
        staff_logins: who of those whom the identity provider knows: email addresses, @DOMAIN, subjects, or * for all
            (LOOKALIKE_STAFF_LOGINS, separated by commas).
        frame_ancestors: the origins whose pages may show the page in a frame, besides its own
            (LOOKALIKE_FRAME_ANCESTORS, separated by commas).
        keep_uploads_in: folder that keeps visitors' photos, None to keep none (LOOKALIKE_KEEP_UPLOADS).
        picture_folders: further folders whose pictures may be shown (LOOKALIKE_PICTURES, separated as in PATH).
        queries_per_minute: new questions a minute from one visitor, 0 for no limit (LOOKALIKE_QUERIES_PER_MINUTE).
        api: whether the page's server answers the API too (LOOKALIKE_API=1).
        api_keys: from the name of whom a key was given to, to the key's SHA-256; {} to ask nobody for a key
            (LOOKALIKE_API_KEYS: NAME:SHA256, separated by commas).
        api_origins: the origins whose pages may ask the API (LOOKALIKE_API_ORIGINS, separated by commas).
        clicks_in: folder for counts of what shoppers do with answers, None to count nothing (LOOKALIKE_CLICKS).
        metrics_port: where /healthz and /metrics are served, "" for nowhere (LOOKALIKE_METRICS_PORT). It is text:
            the health server reports a value that is not a port.
        metrics_address: the address they are served on (LOOKALIKE_METRICS_ADDRESS).
        cache: folder of the converted networks (LOOKALIKE_CACHE; the user's own cache folder if absent).
        index_at_start: whether the app makes a missing index of a small folder images/ unasked
            (LOOKALIKE_INDEX_AT_START=1).
        milvus_token: credentials of a Milvus server, "" for none (LOOKALIKE_MILVUS_TOKEN).
    """

    index: str
    ranking: Ranking
    staff_page: StaffPage
    staff_password: str
    staff_logins: tuple[str, ...]
    frame_ancestors: tuple[str, ...]
    keep_uploads_in: Path | None
    picture_folders: tuple[Path, ...]
    queries_per_minute: int
    api: bool
    api_keys: Mapping[str, str]
    api_origins: tuple[str, ...]
    clicks_in: Path | None
    metrics_port: str
    metrics_address: str
    cache: Path
    index_at_start: bool
    milvus_token: str

    @staticmethod
    def from_environment() -> "Settings":
        """Read all variables as they stand now."""
        keep = os.environ.get("LOOKALIKE_KEEP_UPLOADS", "")
        clicks = os.environ.get("LOOKALIKE_CLICKS", "")
        folders = os.environ.get("LOOKALIKE_PICTURES", "").split(os.pathsep)
        return Settings(
            index=os.environ.get("LOOKALIKE_INDEX") or ".",
            ranking="look" if os.environ.get("LOOKALIKE_RANKING", "").strip().lower() == "look" else "default",
            staff_page=_staff_page(),
            staff_password=os.environ.get("LOOKALIKE_STAFF_PASSWORD", "").strip(),
            staff_logins=tuple(_listed(os.environ.get("LOOKALIKE_STAFF_LOGINS", ""))),
            frame_ancestors=tuple(filter(_is_origin, _listed(os.environ.get("LOOKALIKE_FRAME_ANCESTORS", "")))),
            keep_uploads_in=Path(keep) if keep else None,
            picture_folders=tuple(Path(folder) for folder in folders if folder),
            queries_per_minute=_whole_number("LOOKALIKE_QUERIES_PER_MINUTE", DEFAULT_QUERIES_PER_MINUTE),
            api=os.environ.get("LOOKALIKE_API", "") not in ("", "0"),
            api_keys=_key_digests(os.environ.get("LOOKALIKE_API_KEYS", "")),
            api_origins=tuple(_listed(os.environ.get("LOOKALIKE_API_ORIGINS", ""))),
            clicks_in=Path(clicks) if clicks else None,
            metrics_port=os.environ.get("LOOKALIKE_METRICS_PORT", ""),
            metrics_address=os.environ.get("LOOKALIKE_METRICS_ADDRESS") or "127.0.0.1",
            cache=_cache_folder(),
            index_at_start=os.environ.get("LOOKALIKE_INDEX_AT_START", "") not in ("", "0"),
            milvus_token=os.environ.get("LOOKALIKE_MILVUS_TOKEN", ""),
        )


def _staff_page() -> StaffPage:
    """Return to whom the page for staff is open; what is misspelled opens nothing."""
    asked = os.environ.get("LOOKALIKE_STAFF_PAGE", "").strip().lower()
    if asked == "1":
        return "password" if os.environ.get("LOOKALIKE_STAFF_PASSWORD") else "open"
    return "password" if asked == "password" else "login" if asked == "login" else "off"


def _is_origin(text: str) -> bool:
    """Return whether a text is an origin, such as https://*.shop.example, and nothing that a header reads otherwise."""
    return re.fullmatch(r"https?://(\*\.)?[A-Za-z0-9.-]+(:\d{1,5})?", text) is not None


def _key_digests(text: str) -> dict[str, str]:
    """Return the digests by name; one without a name is called by its first digits. What is no digest stands for none.

    A key that is written there as it is, instead of its digest, lets nobody in.
    """
    pairs = [entry.rpartition(":") for entry in _listed(text)]
    return {name or digest[:8]: digest for name, _, digest in pairs}


def _listed(text: str) -> list[str]:
    return [entry.strip() for entry in text.split(",") if entry.strip()]


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
