"""What deploy/ promises: not root, nothing written, healthy before the first visitor, nothing left out of the image."""

import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from packaging.requirements import Requirement

from tests.support.data import ROOT

DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
NGINX = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
CONFIG = (ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8")
# Everything but four folders is made read-only, as in the container; then root is given up for good. One
# capability stays, to read: this machine may keep its Python in a folder of root's.
SANDBOX = """
set -eu
for mount in $(findmnt -rno TARGET -t ext2,ext3,ext4,xfs,btrfs,overlay); do mount -o remount,bind,ro "$mount"; done
mount -t tmpfs -o mode=1777 tmpfs "$SCRATCH"
mkdir -m 1777 "$SCRATCH/cache" "$SCRATCH/tmp"
cd "$APP"
exec setpriv --reuid=10001 --regid=10001 --clear-groups --no-new-privs --bounding-set=-all,+dac_read_search \
    --inh-caps=-all,+dac_read_search --ambient-caps=-all,+dac_read_search "$@"
"""


def image_tree(folder):
    """What .dockerignore lets into the image, copied to folder/app."""
    allowed = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.M)
    for name in allowed:
        source, target = ROOT / name, folder / "app" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, target)
    return folder / "app"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    """sandbox(command) starts it in the image's tree, as uid 10001, with nothing but a tmpfs to write to."""
    needed = [tool for tool in ("unshare", "setpriv", "findmnt", "mount") if not shutil.which(tool)]
    if sys.platform != "linux" or needed or os.geteuid():
        pytest.skip(f"needs Linux, root and util-linux to give root up ({', '.join(needed) or 'not root'})")
    folder = tmp_path_factory.mktemp("image")
    (folder / "scratch").mkdir()
    variables = {"APP": str(image_tree(folder)), "SCRATCH": str(folder / "scratch"), "PATH": os.environ["PATH"]}
    variables |= dict.fromkeys(("HOME", "TMPDIR"), f"{folder}/scratch/tmp")
    variables |= {"LOOKALIKE_CACHE": f"{folder}/scratch/cache", "PYTHONDONTWRITEBYTECODE": "1"}
    start = ["unshare", "--mount", "--propagation", "private", "sh", "-c", SANDBOX, "sandbox"]
    tried = subprocess.run([*start, "true"], env=variables, capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"this machine does not allow a mount namespace or giving up root: {tried.stderr.strip()}")

    def run(command, **more):
        return subprocess.Popen(
            [*start, *command], env={**variables, **more}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    return run


@pytest.fixture(scope="module")
def deployed(sandbox, demo_index):
    """The ports of a running app, page and health, in the sandbox."""
    ports = free_port(), free_port()
    settings = {"LOOKALIKE_INDEX": str(demo_index), "LOOKALIKE_METRICS_PORT": str(ports[1])}
    settings |= {"STREAMLIT_SERVER_PORT": str(ports[0]), "STREAMLIT_SERVER_HEADLESS": "true"}
    server = sandbox([sys.executable, "-m", "lookalike", "serve"], **settings)
    try:
        wait_until_answered(f"http://127.0.0.1:{ports[1]}/healthz", server)
        yield ports
    finally:
        server.terminate()
        server.communicate()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def wait_until_answered(address, server, seconds=240):
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        if status(address) == 200:
            return
        time.sleep(0.2)
    server.terminate()
    raise AssertionError(f"{address} was never well: {server.communicate()[0]}")


def status(address):
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def test_the_sandbox_is_one(sandbox):
    probe = "id -u; for f in probe lookalike/probe /probe /tmp/lookalike-probe; do touch $f && echo written; done; "
    probe += "touch $TMPDIR/probe && echo fine"
    output, _ = sandbox(["sh", "-c", probe]).communicate()
    assert output.splitlines()[0] == "10001" and output.splitlines()[-1] == "fine"
    assert "written" not in output and output.count("Read-only file system") == 4


def test_without_root_and_read_only_it_is_healthy_before_the_first_visitor(deployed):
    page, health = deployed
    assert status(f"http://127.0.0.1:{health}/healthz") == 200
    assert status(f"http://127.0.0.1:{health}/metrics") == 200
    assert status(f"http://127.0.0.1:{page}/_stcore/health") == 200


def test_without_root_and_read_only_a_visitor_gets_the_page(deployed, chromium):
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{deployed[0]}")
        expect(page.locator("[data-testid=stFileUploader]").first).to_be_visible(timeout=60_000)
        page.set_input_files("input[type=file]", sorted((ROOT / "images").glob("*.jpg"))[0])
        expect(page.locator("[class*=st-key-card-] img").first).to_be_visible(timeout=60_000)
        browser.close()


def test_the_nightly_indexing_fits_into_the_sandbox_too(sandbox, catalogue):
    command = [sys.executable, "extract_features.py", "--images", str(catalogue), "--no-tune"]
    script = 'mkdir "$TMPDIR/data"; "$@" --output "$TMPDIR/data" && ls "$TMPDIR/data"'
    server = sandbox(["sh", "-c", script, "sh", *command, "--backbone", "efficientnet-lite0"])
    output, _ = server.communicate()
    assert server.returncode == 0 and "index.json" in output, output


def test_the_image_has_what_the_app_imports_and_no_more(tmp_path):
    tree = image_tree(tmp_path)
    code = "import lookalike.web.server, lookalike.extraction.build, lookalike.tuning.tune"
    subprocess.run([sys.executable, "-c", code], cwd=tree, check=True)
    assert not {"images", "uploads", "tests", ".git", "styles.csv"} & {path.name for path in tree.iterdir()}
    pages = [path for path in ROOT.glob("*.py") if "streamlit" in path.read_text(encoding="utf-8")]
    assert all((tree / path.name).exists() for path in pages)


def test_the_dockerfile_keeps_to_the_lock_and_gives_up_root():
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.M) == ["python:3.11-slim"] * 2
    assert "--require-hashes" in DOCKERFILE and "HEALTHCHECK" in DOCKERFILE
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.M)
    assert not re.search(r"EXPOSE.*9464|^ADD |curl|sudo", DOCKERFILE, re.M)


def test_compose_publishes_nothing_but_the_proxy_and_hardens_the_rest():
    yaml = pytest.importorskip("yaml")
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert {name for name, service in services.items() if "ports" in service} == {"proxy"}
    assert services["proxy"]["ports"] == ["80:80", "443:443"]
    assert services["app"]["network_mode"] == "service:proxy" and services["index"]["network_mode"] == "none"
    assert services["app"]["environment"]["STREAMLIT_SERVER_ADDRESS"] == "127.0.0.1"
    for name in ("app", "index"):
        service = services[name]
        assert service["read_only"] and service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges"] and service["mem_limit"], name
        assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    (shop,) = (volume for volume in services["app"]["volumes"] if "/data" in volume)
    assert shop.endswith(":/data:ro")


def test_the_nightly_indexing_of_compose_begins_at_three():
    yaml = pytest.importorskip("yaml")
    command = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]["index"]["command"]
    script = command[-1].replace("$$", "$")
    stop = 'sleep() { date -u -d "$1 seconds" +%H:%M; exit 0; }\npython() { echo $*; }\nexport TZ=UTC\n'
    done = subprocess.run([*command[:2], stop + script], capture_output=True, text=True, check=True)
    ran, begins = done.stdout.splitlines()
    assert ran.startswith("-m lookalike index --images /data/images --output /data") and begins in ("03:00", "02:59")


@pytest.mark.parametrize(
    "lock, requirements, left_out",
    [
        ("requirements.lock", "requirements.txt", {"tensorflow"}),
        ("requirements-tensorflow.lock", "requirements.txt", set()),
        ("tests/requirements.lock", "tests/requirements.txt", set()),
        ("tests/scale/requirements.lock", "tests/scale/requirements.txt", set()),
    ],
)
def test_a_lock_holds_every_requirement_at_its_version_with_hashes_and_no_address(lock, requirements, left_out):
    lock = (ROOT / lock).read_text(encoding="utf-8")
    locked = set(re.findall(r"^([a-z0-9-]+)==([\w.]+)", lock, re.M))
    pins = {(pin.name.lower().replace("_", "-"), version_of(pin)) for pin in pinned(requirements)}
    assert {name for name, _ in pins - locked} == left_out
    assert not {name for name, _ in locked} & left_out
    assert "://" not in lock and "index-url" not in lock
    blocks = re.split(r"^(?=\S)", lock, flags=re.M)
    packages = [block for block in blocks if block and not block.startswith("#")]
    assert packages and all(re.search(r"--hash=sha256:[0-9a-f]{64}", package) for package in packages)


def pinned(requirements):
    """The requirements of a file in this repository."""
    lines = (ROOT / requirements).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def version_of(pin):
    (specifier,) = pin.specifier
    assert specifier.operator == "==", pin
    return specifier.version


def test_the_package_asks_for_ranges_that_the_pins_lie_in():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    ranges = {r.name: r for r in map(Requirement, [*project["dependencies"], *extras["login"], *extras["tensorflow"]])}
    pins = pinned("requirements.txt")
    assert {pin.name for pin in pins} == set(ranges)
    for pin in pins:
        assert version_of(pin) in ranges[pin.name].specifier, pin
        assert sorted(s.operator for s in ranges[pin.name].specifier) == ["<", ">="], pin
    pinned_tensorflow = next(pin for pin in pins if pin.name == "tensorflow")
    assert str(ranges["tensorflow"].marker) == str(pinned_tensorflow.marker)


# The oldest system libraries that wheels are there for: glibc 2.28, on ARM 2.35; macOS with Apple silicon.
PLATFORMS = ["x86_64-manylinux_2_28", "aarch64-manylinux_2_35", "aarch64-apple-darwin", "x86_64-pc-windows-msvc"]
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
REQUIREMENTS = ["requirements.lock", "requirements.txt"]


def resolve(python, platform, requirements):
    """Resolve for a machine that this one is not."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header", "--only-binary", ":all:"]
    command += ["--python-version", python, "--python-platform", platform, "--output-file", os.devnull]
    return subprocess.run([*command, requirements], cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def resolutions():
    """A future for each machine and file. Most of the time they wait for the package index."""
    with ThreadPoolExecutor(8) as pool:
        yield {each: pool.submit(resolve, *each) for each in itertools.product(PYTHONS, PLATFORMS, REQUIREMENTS)}


@pytest.mark.parametrize("requirements", REQUIREMENTS)
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_every_python_and_platform_finds_wheels(resolutions, python, platform, requirements):
    """Needs the package index."""
    done = resolutions[python, platform, requirements].result()
    if re.search("Failed to fetch|error sending request|dns error|network", done.stderr):
        pytest.skip(f"the package index cannot be reached: {done.stderr.strip()[-200:]}")
    assert not done.returncode, done.stderr


def test_the_bill_of_materials_names_every_package_of_the_lock(tmp_path):
    """make sbom, written elsewhere."""
    recipe = re.search(r"^sbom:.*\n\t(.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)[1]
    command = recipe.replace("$(BIN)/cyclonedx-py", f"{sys.executable} -m cyclonedx_py")
    subprocess.run(command.replace("-o sbom.json", f"-o {tmp_path}/sbom.json").split(), cwd=ROOT, check=True)
    bill = json.loads((tmp_path / "sbom.json").read_text(encoding="utf-8"))
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert bill["bomFormat"] == "CycloneDX" and bill["metadata"]["component"]["name"] == "lookalike"
    named = {(part["name"].lower(), part["version"]) for part in bill["components"]}
    assert named == set(re.findall(r"^([a-z0-9-]+)==([\w.]+)", lock, re.M)) and len(named) > 40


def test_the_proxy_lets_through_as_much_as_the_app_and_no_metrics():
    limit = int(re.search(r"maxUploadSize = (\d+)", CONFIG)[1])
    assert f"client_max_body_size    {limit + 1}m" in NGINX and f"client_body_buffer_size {limit + 1}m" in NGINX
    assert not re.search(r"proxy_pass.*9464", NGINX)
    assert re.search(r"_stcore/\(metrics\|script-health-check\|agent\) \{\s+return 404", NGINX)


def test_the_settings_are_fit_for_the_open_internet():
    settings = tomllib.loads(CONFIG)
    server = {"address": "127.0.0.1", "enableXsrfProtection": True, "enableCORS": True, "enableAgentApi": False}
    assert server.items() <= settings["server"].items() and settings["server"]["fileWatcherType"] == "none"
    assert settings["browser"]["gatherUsageStats"] is False
    assert settings["client"].items() >= {"showErrorDetails": "none", "toolbarMode": "minimal"}.items()


@pytest.mark.parametrize("unit", ["lookalike.service", "lookalike-index.service", "lookalike-index.timer"])
def test_systemd_understands_the_units(unit, tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("needs systemd-analyze (apt-get install systemd)")
    for path in DEPLOY.glob("lookalike*.*"):
        # The program stands where no machine but a shop's has it.
        (tmp_path / path.name).write_text(re.sub(r"/opt/lookalike/\.venv/bin/\w+", "/bin/true", path.read_text()))
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert not re.search("Unknown|Failed to parse|Invalid|not executable|ignoring", done.stderr), done.stderr


def test_the_proxy_takes_the_answers_and_the_cookies_of_a_login():
    """nginx's own 4 to 8 kB make a 502 of an answer with many claims, and a 400 of its cookies."""
    (login,) = re.findall(r"location ~ (\S+) \{\s+proxy_buffer_size (\d+)k;\s+proxy_buffers +(\d+) (\d+)k;", NGINX)
    assert all(re.search(login[0], path) for path in ("/auth/login", "/auth/logout", "/oauth2callback"))
    assert not any(re.search(login[0], path) for path in ("/", "/catalogue", "/authors"))
    assert int(login[1]) == int(login[3]) >= 32
    assert re.search(r"^large_client_header_buffers \d+ 32k;", NGINX, re.M)
