"""A first visit: the page names the modules that its first tab needs, and no others."""

import json

from make_first_page import modules_asked_for

from minilm_demo.ui.preloading import FIRST_PAGE


def test_the_list_is_what_the_first_tab_asks_for(app, page):
    unused = []
    page.on("console", lambda line: unused.extend([line.text] * ("preload" in line.text)))
    listed = json.loads(FIRST_PAGE.read_text(encoding="utf-8"))["modules"]
    asked_for = modules_asked_for(page, app)
    assert sorted(asked_for) == sorted(listed)  # each of them once; if not: python tests/browser/make_first_page.py
    page.wait_for_timeout(6000)  # Chromium says which preloaded files were not used in the seconds after the load
    assert unused == []
