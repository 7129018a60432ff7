"""The list of Gradio's modules that the first tab of the page needs, for the page to name them at once.

    python tests/browser/make_first_page.py

Run it again after a change of Gradio's version or of the kinds of components on the page; test_first_page.py compares.
"""

import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

sys.path.append(str(Path(__file__).resolve().parents[1] / "support"))

from running_app import ROOT, running_app

TARGET = ROOT / "assets" / "first_page.json"


def modules_asked_for(page, address: str) -> list[str]:
    """Names of the modules of Gradio, in the order in which the first tab asks for them."""
    page.goto(address)
    page.get_by_role("tab", name="Fine-tune").wait_for()
    page.wait_for_selector("#answer .mlm-lane")  # the first answers are drawn
    addresses = page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
    paths = [Path(urlsplit(address).path) for address in addresses]
    return [path.name for path in paths if path.parent.name == "assets" and path.suffix == ".js"]


def main() -> None:
    from conftest import ARGUMENTS, CHROMIUM
    from playwright.sync_api import sync_playwright

    TARGET.write_text('{"modules": []}', encoding="utf-8")  # or the old list would be asked for
    with (
        tempfile.TemporaryDirectory() as home,
        running_app(Path(home)) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        modules = modules_asked_for(browser.new_page(), address)
        browser.close()
    first_page = {"gradio": version("gradio"), "modules": modules}
    TARGET.write_text(json.dumps(first_page, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
