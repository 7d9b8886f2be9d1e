"""Fuzz one target guided by its coverage: python -m fuzz.guided NAME [libFuzzer's options, as -max_total_time=60]

Needs atheris (pip install atheris); what is found is written to fuzz/findings/.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["lookalike", "pickletools", "PIL"]):
    from fuzz import targets

from fuzz.seeds import seeds

HERE = Path(__file__).parent


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
