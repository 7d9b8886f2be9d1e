"""What all benchmarks share: the lines that say where and how one ran, seeded weights, child processes."""

import contextlib
import json
import os
import platform
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from lookalike.settings import usable_cores  # noqa: E402

PACKAGES = ("openvino", "tensorflow", "numpy", "pillow", "scikit-learn")

# With more of its cores busy than this share before a benchmark starts, a machine gives no valid figures.
MAX_LOAD = 0.7


def print_head(data: object, leaves_out: str, packages: Sequence[str] = PACKAGES) -> None:
    """Print date, command, commit, machine, versions of packages, data, and what the timings leave out."""
    installed = {part.name.lower(): part.version for part in metadata.distributions()}
    versions = ", ".join(f"{name} {installed.get(name, 'not installed')}" for name in packages)
    print(f"date       {time.strftime('%Y-%m-%d %H:%M %Z')}")
    print(f"command    python {os.path.relpath(sys.argv[0])} {' '.join(sys.argv[1:])}")
    print(f"commit     {commit()}")
    print(f"machine    {machine()}")
    print(f"versions   Python {platform.python_version()}, {versions}")
    print(f"data       {data}")
    print(f"left out   {leaves_out}", flush=True)


def commit() -> str:
    """Return the checked-out commit, read from git's files; uncommitted changes do not show in it."""
    try:
        head = (ROOT / ".git" / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head[:12]
        name = head.removeprefix("ref: ")
        loose = ROOT / ".git" / name
        if loose.is_file():
            return loose.read_text()[:12]
        packed = (ROOT / ".git" / "packed-refs").read_text().splitlines()
        return next(line[:12] for line in packed if line.endswith(name))
    except (OSError, StopIteration):
        return "unknown"


def machine() -> str:
    """Return processor, cores, memory, and how busy the machine was before the benchmark started."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
        flags = next(line for line in lines if line.startswith("flags")).split()
        features = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    except (OSError, StopIteration):
        model, features = platform.processor(), []
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load, cores = os.getloadavg()[0], usable_cores()
    note = " (BUSY: do not quote these figures)" if load > MAX_LOAD * cores else ""
    return f"{model}, {cores} cores, {memory:.0f} GB, {' '.join(features)}; load before {load:.1f}{note}"


def seeded_weights(folder: str | Path) -> Path:
    """Make a file of ResNet-50 weights from a seed, real in every way but their values, and return its path."""
    path = Path(folder, "resnet50.weights.h5")
    code = (
        "import sys, keras; keras.utils.set_random_seed(50); "
        "model = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(224, 224, 3)); "
        "model.save_weights(sys.argv[1])"
    )
    variables = {**os.environ, "KERAS_BACKEND": "openvino"}
    subprocess.run([sys.executable, "-c", code, str(path)], env=variables, check=True, capture_output=True)
    print("weights    ResNet-50's from seed 50: speeds are those of the real weights, vectors are not", flush=True)
    return path


def child(script: str, part: str, **options: Any) -> dict[str, Any]:
    """Run a part of a script in a process of its own, and return the dict that it gives back.

    Its entry others is the average number of cores that worked for other programs meanwhile.
    """
    command = [sys.executable, script, "--part", part]
    busy, ours, start = busy_seconds(), sum(os.times()[:4]), time.perf_counter()
    done = subprocess.run(command, input=json.dumps(options), capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{part} failed:\n{done.stderr[-2000:]}")
    others = busy_seconds() - busy - (sum(os.times()[:4]) - ours)
    return {**json.loads(done.stdout.splitlines()[-1]), "others": others / (time.perf_counter() - start)}


def conditions(side: Mapping[str, Any]) -> str:
    """Return the conditions of a part's figures: its peak memory, and how busy other programs were."""
    return f"peak {side['peak']:.0f} MB, others {side['others']:.1f} cores"


def busy_seconds() -> float:
    """Return the seconds that all cores together have worked, for any program, since the machine started."""
    try:
        user, nice, system, _, _, hard, soft, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    except (OSError, ValueError):
        return 0.0
    return (user + nice + system + hard + soft + steal) / os.sysconf("SC_CLK_TCK")


def run(main: Callable[..., int | None], options: Namespace, **parts: Callable[..., dict[str, Any]]) -> int | None:
    """Run main and return what it returns; in a process of child(), run its part: print its result and peak memory."""
    if not options.part:
        return main(options)
    sent = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):
        answer = parts[options.part](**sent)
    print(json.dumps({**answer, "peak": peak_megabytes()}))
    return None


def peak_megabytes() -> float:
    """Return the most memory that this process ever held, in MB of resident pages."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def drop_from_cache(paths: Iterable[str | Path]) -> None:
    """Ask the system to drop these files from its cache, so that they are read from the disk again.

    Their directory entries and inodes stay cached, and a virtual machine's host may hold copies.
    """
    if not hasattr(os, "posix_fadvise"):
        return
    for path in paths:
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
