"""The README's pictures, at the size of a projector: the Fine-tune tab after a run, Attention, and the Microscope.

MINILM_DATA=../shared/data python tests/browser/make_screenshot.py [seconds]
"""

import os
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "support"))

from conftest import ARGUMENTS, CHROMIUM
from playwright.sync_api import sync_playwright
from running_app import ROOT, running_app

TIMES = {30: "30 seconds", 120: "2 minutes"}
PLACES = {"attention": "#attention canvas", "distil/microscope": "#microscope canvas"}


def main(seconds: int = 30) -> None:
    environment = {"MINILM_DATA": os.environ["MINILM_DATA"]} if "MINILM_DATA" in os.environ else {}
    with (
        tempfile.TemporaryDirectory() as home,
        running_app(Path(home), **environment) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1366, "height": 900})
        for place, drawn in PLACES.items():
            page.goto(f"{address}?at={place}")
            page.locator(drawn).first.wait_for()
            page.wait_for_timeout(2000)
            page.screenshot(path=ROOT / "assets" / f"{place.rsplit('/')[-1]}_screenshot.png")
        page.goto(address)
        page.get_by_role("tab", name="Fine-tune").click()
        page.get_by_label(TIMES[seconds]).check()
        page.click("#train")
        done = "document.querySelector('#run [data-status]')?.dataset.status.match(/completed|stopped|failed/)"
        page.wait_for_function(done, timeout=4000 * seconds)
        page.wait_for_timeout(2000)
        page.screenshot(path=ROOT / "assets" / "screenshot.png")
        browser.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
