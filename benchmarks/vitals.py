"""What a visitor's browser sees: web vitals of the first page and of a question, in Chromium at a phone's size.

python benchmarks/vitals.py --index DIR --photo FILE [--times N] [--root DIR]

DIR is the index that the app serves; --root is the project that serves it, to compare another version of it. fresh: the
server was just started; warm: it answered before; throttled: a warm server over 1.6 Mbit/s with 150 ms on the way, and
a processor four times slower; plain: `streamlit run app.py`, just started. FCP: when the first thing was painted; LCP:
the largest; ready: when the page takes a photo; CLS: how much moved; bytes: all that came over the network. Then, warm,
the time from a photo's choice to five cards painted, and the longest interaction (INP) of each kind.
"""

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import harness

PHONE = {"width": 390, "height": 844}
# Bytes a second each way, and milliseconds: what browsers call a slow 4G connection; a middling phone's processor.
SLOW = {"offline": False, "downloadThroughput": 200_000, "uploadThroughput": 93_750, "latency": 150}
SLOWER_PROCESSOR = 4
LEFT_OUT = "the network but where throttled; the server and the browser share the processor"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
CARDS = "[class*=st-key-card-] img"
OBSERVE = """
  window.vitals = {fcp: 0, lcp: 0, cls: 0, inp: 0, ready: 0};
  const watch = (type, note, more) => new PerformanceObserver((list) => list.getEntries().forEach(note))
    .observe({type, buffered: true, ...more});
  watch('paint', (entry) => { if (entry.name === 'first-contentful-paint') vitals.fcp = entry.startTime; });
  watch('largest-contentful-paint', (entry) => vitals.lcp = entry.startTime);
  watch('layout-shift', (entry) => { if (!entry.hadRecentInput) vitals.cls += entry.value; });
  watch('event', (entry) => { if (entry.interactionId) vitals.inp = Math.max(vitals.inp, entry.duration); },
    {durationThreshold: 16});
  new MutationObserver((_, observer) => {
    if (!document.querySelector('[data-testid=stFileUploader] input')) return;
    vitals.ready = performance.now();
    observer.disconnect();
  }).observe(document, {childList: true, subtree: true});
"""
PAINTED = f"""
  () => {{
    const pictures = [...document.querySelectorAll("{CARDS}")];
    return pictures.length >= 5 && pictures.every((picture) => picture.complete && picture.naturalWidth);
  }}
"""


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", required=True, help="folder of the index to serve")
    parser.add_argument("--photo", required=True, help="photo to ask with")
    parser.add_argument("--root", default=harness.ROOT, help="project that serves it (default: this one)")
    parser.add_argument("--times", type=int, default=5, help="visits of each kind (default: 5)")
    return parser.parse_args()


def main(options: argparse.Namespace) -> None:
    from playwright.sync_api import sync_playwright

    harness.print_head(options.index, LEFT_OUT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        with server(options.index, options.root) as address:
            first_page(browser, address)
            print_row("warm", [first_page(browser, address) for _ in range(options.times)])
            print_row("throttled", [first_page(browser, address, slow=True) for _ in range(min(options.times, 3))])
            asked = [ask(browser, address, options.photo) for _ in range(options.times)]
        medians = {key: statistics.median(one[key] for one in asked) for key in asked[0]}
        print(f"photo to five cards {medians.pop('seconds') * 1e3:.0f} ms   CLS {medians.pop('cls'):.3f}")
        print("INP", ", ".join(f"{kind} {duration:.0f} ms" for kind, duration in medians.items()), flush=True)
        for name, is_plain in (("fresh", False), ("plain", True)):
            visits = []
            for _ in range(options.times):
                with server(options.index, options.root, is_plain) as address:
                    visits.append(first_page(browser, address))
            print_row(name, visits)


def print_row(name: str, visits: Sequence[dict[str, float]]) -> None:
    """Print the medians of visits of a kind."""
    first, lcp, ready, shift, size = (
        statistics.median(visit[key] for visit in visits) for key in ("fcp", "lcp", "ready", "cls", "bytes")
    )
    print(
        f"{name:10s} FCP {first / 1e3:5.2f} s   LCP {lcp / 1e3:5.2f} s   ready {ready / 1e3:5.2f} s   "
        f"CLS {shift:.3f}   {size / 1e6:.2f} MB",
        flush=True,
    )


@contextmanager
def server(index: str, root: str | Path = harness.ROOT, is_plain: bool = False) -> Iterator[str]:
    """Start the app as `lookalike serve` or `streamlit run app.py` does, and give its address once it listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "lookalike",
        "serve",
        "--index",
        str(Path(index).resolve()),
        "--port",
        str(port),
        "--headless",
    ]
    if is_plain:
        command = [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            "app.py",
            f"--server.port={port}",
            "--server.headless=true",
        ]
    environment = os.environ | {"LOOKALIKE_QUERIES_PER_MINUTE": "0", "LOOKALIKE_INDEX": str(Path(index).resolve())}
    process = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(600):
            with suppress(OSError), urllib.request.urlopen(f"{address}/_stcore/health"):
                break
            time.sleep(0.05)
        yield address
    finally:
        process.kill()
        process.wait()


def first_page(browser: Any, address: str, slow: bool = False) -> dict[str, float]:
    """Visit the app as nobody before, and return LCP in ms, CLS and the bytes received."""
    with visit(browser) as page:
        devtools = page.context.new_cdp_session(page)
        devtools.send("Network.enable")
        received = [0.0]
        devtools.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
        devtools.on(
            "Network.webSocketFrameReceived", lambda event: received.append(len(event["response"]["payloadData"]))
        )
        if slow:
            devtools.send("Network.emulateNetworkConditions", SLOW)
            devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER_PROCESSOR})
        page.goto(address)
        page.wait_for_selector("[data-testid=stFileUploader]")
        wait_until_still(page)
        vitals = page.evaluate("vitals")
    return {**vitals, "bytes": sum(received)}


def ask(browser: Any, address: str, photo: str) -> dict[str, float]:
    """Ask with a photo, then use the page; return the seconds to five cards, CLS, and each kind's INP in ms."""
    with visit(browser) as page:
        page.goto(address)
        page.wait_for_selector("[data-testid=stFileUploader] input", state="attached")
        wait_until_still(page)
        page.evaluate("vitals.cls = 0")
        start = time.perf_counter()
        page.set_input_files("input[type=file]", photo)
        page.wait_for_function(PAINTED, polling="raf")
        measured = {"seconds": time.perf_counter() - start}
        wait_until_still(page)
        measured["cls"] = page.evaluate("vitals.cls")
        for kind, use in INTERACTIONS.items():
            page.evaluate("vitals.inp = 0")
            use(page)
            wait_until_still(page)
            measured[kind] = page.evaluate("vitals.inp")
        return measured


def tap_part(page: Any) -> None:
    """Tap a cell of the photo, which is asked for once a moment has passed without another tap."""
    page.locator("[class*=st-key-photo-] .grid").first.click()
    page.wait_for_timeout(1500)


def set_filter(page: Any) -> None:
    page.locator(".st-key-filters button").first.click()
    page.locator("[class*=st-key-facet-] button").first.click()
    page.wait_for_timeout(300)
    page.keyboard.press("Escape")


def move_slider(page: Any) -> None:
    page.locator(".st-key-balance button").first.click()
    page.get_by_role("slider").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(300)
    page.keyboard.press("Escape")


INTERACTIONS: dict[str, Callable[[Any], None]] = {
    "part": tap_part,
    "filter": set_filter,
    "slider": move_slider,
    "thumb": lambda page: page.locator("[class*=st-key-yes-] button").first.click(),
    "Keep": lambda page: page.get_by_role("button", name="Keep", exact=True).first.click(),
    "Show more": lambda page: page.get_by_role("button", name="Show more").first.click(),
}


@contextmanager
def visit(browser: Any) -> Iterator[Any]:
    """Open a page of a new visitor, with nothing in its cache."""
    context = browser.new_context(viewport=PHONE, has_touch=True)
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.add_init_script(OBSERVE)
    try:
        yield page
    finally:
        context.close()


def wait_until_still(page: Any) -> None:
    """Wait until no script has run for a second."""
    page.wait_for_function(
        """() => {
          const app = document.querySelector("[data-testid=stApp]");
          const isBusy = app?.dataset.testScriptState !== "notRunning";
          window.stillSince = isBusy ? null : window.stillSince ?? performance.now();
          return !isBusy && performance.now() - window.stillSince > 1000;
        }"""
    )


if __name__ == "__main__":
    main(parse_arguments())
