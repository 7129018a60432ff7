"""Makes the picture that chats and social networks show beside a link to the page (`assets/card.png`), 1200 by 630:

python tests/browser/make_card.py
"""

import base64
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "support"))

from conftest import ARGUMENTS, CHROMIUM
from playwright.sync_api import sync_playwright
from running_app import ROOT, running_app

CARD = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; width: 1200px; height: 630px; display: grid; grid-template-columns: 460px 1fr; overflow: hidden;
  background: #f6f7f9; color: #10172a; font-family: system-ui, sans-serif; }}
.words {{ padding: 64px 0 0 64px; }}
.words img {{ width: 84px; }}
h1 {{ margin: 28px 0 20px; font-size: 54px; letter-spacing: -0.02em; line-height: 1; white-space: nowrap; }}
p {{ margin: 0; font-size: 30px; line-height: 1.4; color: #475167; }}
.picture {{ margin: 64px 0 0 40px; padding: 24px 0 0 24px; border: 1px solid #e3e6eb; border-radius: 16px 0 0 0;
  background: #fff; overflow: hidden; }}
.picture img {{ width: 760px; }}
</style><div class="words"><img src="data:image/svg+xml;base64,{mark}"><h1>MiniLM Demo</h1>
<p>Fine-tune a small language model, ask it, look inside its attention, and watch it being distilled.</p></div>
<div class="picture"><img src="data:image/png;base64,{picture}"></div>"""


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as home,
        running_app(Path(home)) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1366, "height": 1000}, device_scale_factor=2)
        page.goto(f"{address}?at=attention")
        page.locator("#attention canvas").first.wait_for()
        page.wait_for_timeout(1000)  # the pictures of the heads are drawn one after the other
        picture = page.locator("#attention").screenshot()
        mark = (ROOT / "assets" / "favicon.svg").read_bytes()
        encoded = {"mark": base64.b64encode(mark).decode(), "picture": base64.b64encode(picture).decode()}
        card = browser.new_page(viewport={"width": 1200, "height": 630})
        card.set_content(CARD.format(**encoded))
        card.screenshot(path=ROOT / "assets" / "card.png")
        browser.close()


if __name__ == "__main__":
    main()
