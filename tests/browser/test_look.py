"""The look of the whole page, measured: what is on screen together, what fits a phone, which colours controls have."""

import pytest

# Address of a place -> its primary button, and the view that the button fills.
PLACES = {
    "predict": ("#ask", "#answer"),
    "finetune": ("#train", "#run"),
    "attention": ("#attention-trace", "#attention"),
    "distil/microscope": ("#microscope-compare", "#microscope"),
    "distil/now": ("#distil", "#student"),
    "distil/help": ("#ablation-start", "#ablation"),
}
# The controls of the form around the views, with the spread of each of their colours: 0 is grey. Ink is below 45.
COLOURED = """() => {
  const spread = (colour) => {
    const [red, green, blue, alpha = 1] = colour.match(/[\\d.]+/g).map(Number);
    return alpha ? Math.max(red, green, blue) - Math.min(red, green, blue) : 0;
  };
  const found = [];
  for (const control of document.querySelectorAll("button, label, input, textarea, [role=tab], summary")) {
    const style = getComputedStyle(control);
    if (control.closest(".mlm") || !control.offsetParent || style.opacity === "0") continue;
    for (const name of ["color", "backgroundColor", "borderTopColor"]) {
      const isShown = name !== "borderTopColor" || parseFloat(style.borderTopWidth) > 0;
      if (isShown && spread(style[name]) > 45) found.push([control.outerHTML.slice(0, 80), name, style[name]]);
    }
  }
  return found;
}"""


def open_place(open_page, app, place: str, **options):
    page = open_page(**options)
    page.goto(f"{app}?at={place}")
    page.locator(PLACES[place][0]).wait_for()
    return page


def each_place(page):
    """Go from place to place, as a person would -> the name of each, when it is shown."""
    for place, (button, view) in PLACES.items():
        tab, _, part = place.partition("/")
        page.locator(f".tab-container[role=tablist] [data-tab-id={tab}]").click()
        if part:
            page.locator(f"#places [role=tablist] [data-tab-id={part}]").click()
        for selector in (button, view):
            page.locator(selector).wait_for()
        yield place


def test_the_button_and_what_it_fills_are_on_screen_together(app, open_page):
    page = open_place(open_page, app, "predict", viewport={"width": 1366, "height": 768})
    for place in each_place(page):
        page.evaluate("scrollTo(0, 0)")
        button, view = (page.locator(selector).bounding_box() for selector in PLACES[place])
        assert button["y"] >= 0 and button["y"] + button["height"] <= 768, place
        assert 0 <= view["y"] <= 768 - 100, f"the head of {place} is on screen"
        assert button["x"] + button["width"] < view["x"], f"{place} is side by side"


def test_the_button_stays_in_view_while_the_stage_scrolls(app, open_page):
    page = open_place(open_page, app, "predict", viewport={"width": 1366, "height": 768})
    for place in each_place(page):
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.wait_for_timeout(100)
        box = page.locator(PLACES[place][0]).bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 768, place


def test_the_button_is_within_reach_on_a_phone(app, open_page):
    page = open_place(open_page, app, "predict", viewport={"width": 390, "height": 844})
    for place in each_place(page):
        page.evaluate("scrollTo(0, 0)")
        box = page.locator(PLACES[place][0]).bounding_box()
        assert box["y"] + box["height"] <= 844, place


def test_distil_has_places_of_two_screens_at_most(app, open_page):
    page = open_place(open_page, app, "predict", viewport={"width": 1366, "height": 768})
    for place in each_place(page):
        page.wait_for_timeout(500)  # a view draws itself after it is shown
        assert page.evaluate("document.documentElement.scrollHeight") <= 2 * 768, place


def test_a_long_list_is_folded_and_its_rows_have_remarks(app, open_page):
    page = open_place(open_page, app, "finetune")
    tasks = page.locator("#task label")
    assert tasks.first.locator("small").inner_text() == "SST-2"
    assert [task.is_visible() for task in tasks.all()] == [True] * 4 + [False] * (tasks.count() - 4)
    more = page.locator("#task .page-more")
    assert more.inner_text() == f"{tasks.count() - 4} more"
    more.press("Enter")
    tasks.nth(7).click()
    more.click()  # fewer: what is chosen stays
    shown = [place for place, task in enumerate(tasks.all()) if task.is_visible()]
    assert shown == [0, 1, 2, 3, 7]


def test_nothing_is_wider_than_a_phone(app, open_page):
    page = open_place(open_page, app, "predict", viewport={"width": 390, "height": 844})
    for place in each_place(page):
        page.wait_for_timeout(250)  # a view draws itself after it is shown
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, place
        names = [tab for tab in page.get_by_role("tab").all() if tab.is_visible()]
        assert [tab.inner_text() for tab in names][:4] == ["Predict", "Fine-tune", "Attention", "Distil"]
        for tab in names:
            box = tab.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= 390, place


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_control_has_a_colour_of_the_data(app, open_page, theme):
    page = open_place(open_page, app, "predict", color_scheme=theme)
    for place in each_place(page):
        page.mouse.move(0, 0)
        page.wait_for_timeout(250)  # colours change within 0.15 s
        assert page.evaluate(COLOURED) == [], place


def test_the_address_names_the_place_and_opens_it_again(app, open_page):
    page = open_place(open_page, app, "distil/now")
    page.get_by_role("tab", name="Does it help?").click()
    page.wait_for_url("**/?at=distil/help")
    page.get_by_role("tab", name="Attention").click()
    page.wait_for_url("**/?at=attention")
    page.reload()
    page.locator("#attention-trace").wait_for()


def test_dark_or_light_is_kept(app, open_page):
    page = open_place(open_page, app, "predict", color_scheme="light")
    page.click("#switch-theme")
    page.wait_for_function("document.body.classList.contains('dark')")
    page.reload()
    page.wait_for_function("document.body.classList.contains('dark')")
