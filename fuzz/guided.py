"""Fuzz one target guided by its coverage: python fuzz/guided.py NAME [libFuzzer's options, as -max_total_time=60]

Needs atheris (pip install atheris); what is found is written to fuzz/findings/.
"""

import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests"), str(HERE)]

import atheris  # noqa: E402

with atheris.instrument_imports(include=["lookalike", "pickletools", "PIL"]):
    import targets

from seeds import seeds  # noqa: E402


def main():
    name, *options = sys.argv[1:]
    corpus = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    for number, content in enumerate(seeds(name)):
        (corpus / str(number)).write_bytes(content)
    (HERE / "findings").mkdir(exist_ok=True)
    options += [f"-artifact_prefix={HERE / 'findings'}/{name}-", "-max_len=4096", str(corpus)]
    atheris.Setup([sys.argv[0], *options], getattr(targets, name))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
