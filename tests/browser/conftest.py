"""A real Chromium for the browser tests. `CHROMIUM` names another one; without Chromium or Playwright they skip."""

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from running_app import running_app

# The headless shell has no windows of its own to draw: a new page takes a third of the time.
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell") or "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = int(
    os.environ.get("PATIENCE_MS", 120_000)
)  # a bound for a slow machine with other tests on it, not an expectation
# What Gradio's own client logs when a page is left while its event stream is open, as on every reload: its fetch is
# aborted before the answer has begun, or while it is read.
SAID_ON_LEAVING = (
    "AbortError: signal is aborted",
    "AbortError: BodyStreamBuffer was aborted",
    "Connection errored out",
)
AT_HOME = ("127.0.0.1", "localhost", "")  # no host: file, about, data, blob


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser():
    """One browser for all tests; each test has pages and storage of its own."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not Path(CHROMIUM).is_file():
        missing = pytest.fail if os.environ.get("MINILM_REQUIRE_BROWSER") else pytest.skip
        missing(f"no Chromium at {CHROMIUM}; set CHROMIUM to one")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def app_home(tmp_path_factory):
    """The folder of the runs and caches of `app`, where its log is too."""
    return tmp_path_factory.mktemp("home-of-the-app")


@pytest.fixture(scope="session")
def app(app_home):
    """Address of one running app for all tests, as a server has many visitors; whose runs a page shows depends on its
    browser's storage. A test that changes what the server is has an app of its own."""
    with running_app(app_home) as address:
        yield address


@pytest.fixture
def open_page(browser):
    """open_page(viewport=…, color_scheme=…) -> a page that is watched: an error on it, or a request to another host,
    fails the test."""
    contexts, troubles = [], []

    def open_one(**options):
        context = browser.new_context(**{"viewport": {"width": 1180, "height": 800}, **options})
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(f"page error: {error}"))
        page.on("console", lambda line: troubles.extend(_complaint(line)))
        page.on("request", lambda request: troubles.extend(_outside(request.url)))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not troubles


def _complaint(line) -> list[str]:
    leaving = line.type != "error" or any(words in line.text for words in SAID_ON_LEAVING)
    return [] if leaving else [f"console: {line.text}"]


def _outside(url: str) -> list[str]:
    return [] if (urlsplit(url).hostname or "") in AT_HOME else [f"request to another host: {url}"]


@pytest.fixture
def page(open_page):
    """One watched page, 1180 pixels wide, light."""
    return open_page()


@pytest.fixture
def load(tmp_path):
    """load(page, html): open the HTML as a file, as a person would who was sent it."""

    def load_one(page, html: str) -> None:
        file = tmp_path / "page.html"
        file.write_text(html, encoding="utf-8")
        page.goto(file.as_uri())

    return load_one
