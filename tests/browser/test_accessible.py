"""axe-core finds nothing serious on any tab, in neither theme."""

import pytest

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
VIEWS = {"Predict": "answer", "Fine-tune": "run", "Attention": "attention", "Distil": "microscope"}
ALSO = ("heading-order",)  # moderate by axe's scale


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_serious_is_found(app, open_page, theme):
    page = open_page()
    page.goto(f"{app}?__theme={theme}")
    page.wait_for_selector("#checkpoint input:checked")
    assert page.evaluate("document.body.classList.contains('dark')") == (theme == "dark")
    found = {}
    for tab, view in VIEWS.items():
        page.get_by_role("tab", name=tab, exact=True).click()
        page.wait_for_function(  # its view is drawn
            "(id) => document.querySelector('#' + id + ' .mlm')?.innerText.trim().length > 10", arg=view
        )
        violations = axe.Axe().run(page).response["violations"]
        found[tab] = [
            (one["id"], [node["html"] for node in one["nodes"]][:3])
            for one in violations
            if one["impact"] in ("serious", "critical") or one["id"] in ALSO
        ]
    assert found == {tab: [] for tab in VIEWS}
