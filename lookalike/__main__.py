"""The terminal's edge: python -m lookalike similar | fetch."""

import argparse
import json
import sys

from .errors import ImageError, LookalikeError


def arguments(argv):
    parser = argparse.ArgumentParser(prog="lookalike", description="Find the products that look most like a photo.")
    commands = parser.add_subparsers(dest="command", required=True)
    similar_ = commands.add_parser("similar", help="print the nearest products of each photo")
    similar_.add_argument("photos", nargs="+", metavar="PHOTO")
    similar_.add_argument("-k", type=_positive, default=5, metavar="N", help="matches a photo (default: 5)")
    similar_.add_argument("--index", default=".", metavar="DIR", help="folder of the index (default: this folder)")
    similar_.add_argument("--json", action="store_true", help="print JSON and nothing else")
    similar_.set_defaults(run=similar)
    fetch_ = commands.add_parser("fetch", help="fetch the Kaggle catalogue and index it")
    fetch_.add_argument("--full", action="store_true", help="the original images, 15 GB, instead of the small ones")
    fetch_.add_argument(
        "--output", default=".", metavar="DIR", help="where the index is written (default: this folder)"
    )
    fetch_.set_defaults(run=fetch)
    return parser.parse_args(argv)


def similar(options):
    """Print the matches of each photo; 1 where a photo could not be used, the others are answered."""
    from .loading import load_recommender

    recommender = load_recommender(options.index)
    answers, failed = [], 0
    for photo in options.photos:
        try:
            answers.append({"query": photo, "matches": _as_dicts(recommender.similar(photo, options.k))})
        except ImageError as error:
            failed = 1
            print(f"error: {error}", file=sys.stderr)
    print(json.dumps(answers, indent=1, ensure_ascii=False) if options.json else _as_text(answers))
    return failed


def fetch(options):
    """Download the Kaggle catalogue and hand its folder to extract_features.py's work."""
    from .kaggle import fetch_catalogue

    catalogue = fetch_catalogue(full=options.full)
    print(f"Images: {catalogue.images}\nAttributes: {catalogue.styles}")
    return _index(catalogue, options.output)


def _index(catalogue, output):
    import subprocess
    from pathlib import Path

    script = Path(__file__).resolve().parents[1] / "extract_features.py"
    command = [sys.executable, str(script), "--images", str(catalogue.images), "--output", output]
    if catalogue.styles:
        command += ["--styles", str(catalogue.styles)]
    return subprocess.call(command)  # noqa: S603


def _as_dicts(matches):
    return [
        {
            "rank": match.rank,
            "distance": round(match.distance, 6),
            "path": str(match.product.path),
            "attributes": match.product.attributes,
        }
        for match in matches
    ]


def _as_text(answers):
    lines = []
    for answer in answers:
        lines.append(answer["query"])
        for match in answer["matches"]:
            attributes = ", ".join(match["attributes"].values())
            lines.append(f"  {match['rank']}  {match['distance']:.4f}  {match['path']}  {attributes}".rstrip())
    return "\n".join(lines)


def _positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def main(argv=None):
    """Run one command; 0 when done, 1 with a sentence when it can't, 2 for usage."""
    options = arguments(argv)
    try:
        return options.run(options)
    except LookalikeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
