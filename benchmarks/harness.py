"""What every benchmark shares: the lines that say where and with what it ran, seeded weights, child processes."""

import contextlib
import json
import os
import platform
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
PACKAGES = ("openvino", "tensorflow", "numpy", "pillow", "scikit-learn")


def print_head(data, leaves_out, packages=PACKAGES):
    """Print date, command, commit, machine, versions of packages, data, and what the timings leave out."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in packages)
    print(f"date       {time.strftime('%Y-%m-%d %H:%M %Z')}")
    print(f"command    python {os.path.relpath(sys.argv[0])} {' '.join(sys.argv[1:])}")
    print(f"commit     {commit()}")
    print(f"machine    {machine()}")
    print(f"versions   Python {platform.python_version()}, {versions}")
    print(f"data       {data}")
    print(f"left out   {leaves_out}", flush=True)


def commit():
    """The commit checked out, read from the files of git; changes not committed do not show in it."""
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


def machine():
    """Processor, cores, memory, and how busy the machine was before we began."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
        flags = next(line for line in lines if line.startswith("flags")).split()
        kinds = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    except (OSError, StopIteration):
        model, kinds = platform.processor(), []
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    busy = os.getloadavg()[0]
    note = " (BUSY: figures are no measure)" if busy > 0.7 * os.cpu_count() else ""
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GB, {' '.join(kinds)}; load before {busy:.1f}{note}"


def seeded_weights(folder):
    """A file of ResNet-50's weights made from a seed: real in every way but their values."""
    path = Path(folder, "resnet50.weights.h5")
    code = (
        "import sys, keras; keras.utils.set_random_seed(50); "
        "model = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(224, 224, 3)); "
        "model.save_weights(sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, capture_output=True)  # noqa: S603
    print("weights    ResNet-50's from seed 50: every speed is that of the real ones, no vector is", flush=True)
    return path


def child(script, part, **options):
    """What a part of a script, run in a process of its own, gave back: a dict.

    others in it is how many cores, on average, worked for anyone else meanwhile.
    """
    command = [sys.executable, script, "--part", part]
    busy, ours, start = busy_seconds(), sum(os.times()[:4]), time.perf_counter()
    done = subprocess.run(command, input=json.dumps(options), capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        sys.exit(f"{part} failed:\n{done.stderr[-2000:]}")
    others = busy_seconds() - busy - (sum(os.times()[:4]) - ours)
    return {**json.loads(done.stdout.splitlines()[-1]), "others": others / (time.perf_counter() - start)}


def footing(side):
    """What stood behind a part's figures: its memory, and whom it shared the machine with."""
    return f"peak {side['peak']:.0f} MB, others {side['others']:.1f} cores"


def busy_seconds():
    """The seconds that all cores together have worked, for anyone, since the machine started."""
    try:
        user, nice, system, _, _, hard, soft, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    except (OSError, ValueError):
        return 0.0
    return (user + nice + system + hard + soft + steal) / os.sysconf("SC_CLK_TCK")


def answer_parent(parts, part):
    """The child's side of child(): run that part with the options sent, print what it gives and the peak."""
    options = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):
        answer = parts[part](**options)
    print(json.dumps({**answer, "peak": peak_megabytes()}))


def peak_megabytes():
    """The most memory this process ever held, in MB of resident pages."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def forget_cached(paths):
    """Ask the system to drop its copies of these files, so that they are read from the disk again.

    Their names and places (dentries, inodes) stay cached, and a virtual machine's host may hold copies.
    """
    if not hasattr(os, "posix_fadvise"):
        return
    for path in paths:
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
