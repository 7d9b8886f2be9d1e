"""Fuzz one target with coverage guidance: python -m fuzz.guided NAME [libFuzzer's options, such as -max_total_time=60]

Needs atheris (pip install atheris). Findings are written to fuzz/findings/.
"""

import sys
import tempfile
import warnings
from pathlib import Path


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is not installed. Run: pip install atheris")
    # Only what is imported in this block is instrumented.
    with atheris.instrument_imports(include=["lookalike", "pickletools", "PIL"]):
        from fuzz.targets import TARGETS
    from fuzz.seeds import seeds_for

    name, *options = sys.argv[1:]
    targets = {target.__name__: target for target in TARGETS}
    if name not in targets:
        sys.exit(f"There is no target {name}. The targets are {', '.join(targets)}.")
    warnings.simplefilter("ignore")
    corpus = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    for number, content in enumerate(seeds_for(name)):
        (corpus / str(number)).write_bytes(content)
    findings = Path(__file__).parent / "findings"
    findings.mkdir(exist_ok=True)
    options += [f"-artifact_prefix={findings}/{name}-", "-max_len=4096", str(corpus)]
    atheris.Setup([sys.argv[0], *options], targets[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
