"""A distillation in a real browser: its curves and its student, the maps that follow it, one live run in the app."""

import json
import re

import distill_samples as samples
import pytest
from running_app import running_app
from test_components import HARD_TO_READ, unfold  # beside this file

from minilm_demo import views
from minilm_demo.results import Probed
from minilm_demo.tasks import TASKS

SST2 = TASKS["sst2"]
EVENTS = samples.distillation()


def payload(events, status="running", **options):
    return views.run_payload(events, SST2, status=status, run_id="run-1", job="distill", **options)


def shown(value) -> str:
    return views.standalone_html(views.RUN, value, "Distillation")


PAGES = {
    "the student is done": shown(payload(EVENTS, "completed")),
    "the second recipe": shown(payload(samples.distillation("minilm_v2"), "completed")),
    "one term alone": shown(payload(samples.distillation(learned=("attention",), until=30))),
    "it waits": shown(payload([], "queued", position=2, starts_in=40)),
}


@pytest.mark.parametrize("width", [1180, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_its_window_and_can_be_read(open_page, load, scheme, width):
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    for name, html in PAGES.items():
        load(page, html)
        unfold(page, "How to read this loss")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.evaluate(HARD_TO_READ) == [], name


def test_each_term_has_a_curve_and_the_student_a_card(page, load):
    load(page, PAGES["the student is done"])
    titles = page.locator(".mlm-chart-title").all_inner_texts()
    assert titles == ["Sum of the terms", "Attention", "Value relation"]
    for chart in page.locator(".mlm-chart").all():
        assert chart.locator("path.mlm-raw").count() == chart.locator("path.mlm-student").count() == 1
        assert chart.locator(".mlm-dot.mlm-measured").count() == 5
    tops = [chart.bounding_box()["y"] for chart in page.locator(".mlm-chart").all()]
    assert len(set(tops)) == 1, "three in a row where there is room"
    assert page.locator(".mlm-headline strong").inner_text() == "1.30 → 0.25"
    assert page.get_by_role("row", name="Value relation 0.510 0.098 yes").is_visible()
    assert page.get_by_role("row", name="Weights 22.7 million 7.3 million (32 %)").is_visible()
    unfold(page, "The curves as a table")
    rows = page.get_by_role("region", name="The curves as a table").locator("tbody tr")
    assert rows.count() == 61, "60 steps, and what was measured before the first"
    assert rows.first.inner_text().split("\t") == ["0", "", "1.3000", "", "0.7900", "", "0.5100"]


def test_arrow_keys_read_the_points_of_a_term(page, load):
    load(page, PAGES["the student is done"])
    chart = page.locator(".mlm-chart").nth(1)
    chart.locator("svg").focus()
    page.keyboard.press("Home")
    assert chart.locator(".mlm-readout").inner_text() == "Step 0 · validation texts 0.790"
    page.keyboard.press("End")
    assert re.match(r"Step 60 · loss 0\.\d+ · smoothed 0\.\d+ · validation texts 0\.152", readout(chart))


def readout(chart) -> str:
    return chart.locator(".mlm-readout").inner_text()


# -- with the maps below -------------------------------------------------------------------------------------------

LIVE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><style>{css}</style>
<div class="mlm-student"></div><script>
{js}
const answers = {answers};  // one payload for each question; the last one again and again
const pictures = {pictures};  // what maps({{since}}) answers
const asked = [];
const ends = [];
const view = student.mount(document.querySelector(".mlm-student"), {first}, {{
  poll: async () => (answers.length > 1 && !window.paused ? answers.shift() : answers[0]),
  stop: async () => {{}},
  finished: (end) => ends.push(end),
  maps: async ({{ run, since }}) => {{
    asked.push(since);
    if (window.deaf) throw new Error("no answer");
    return pictures[since] || {{ error: "none" }};
  }},
}});
</script>"""


def live_page(lengths, events=EVENTS) -> str:
    """A student view whose browser asks at so many events; each question for maps brings one more picture."""
    first, *answers = [
        payload(events[:now], "completed" if now == len(events) else "running", since=before)
        for before, now in zip([0, *lengths], lengths, strict=False)
    ]
    places = [place for place, event in enumerate(events) if isinstance(event, Probed)]
    pictures = {
        since: views.student_maps(
            events[: place + 1], "The waiters smile.", teacher="bundled", student="s", teacher_title="T", since=since
        )
        for since, place in enumerate(places)
    }
    given = {"first": first, "answers": answers, "pictures": pictures}
    return LIVE.format(
        css=views.STUDENT.css, js=views.STUDENT.js, **{name: json.dumps(one) for name, one in given.items()}
    )


def frame(page) -> str:
    return page.locator(".mlm-frame-words").inner_text()


def test_the_maps_follow_the_student(page, load):
    load(page, live_page([2, 20, 50, len(EVENTS)]))
    page.locator(".mlm-headline").wait_for()
    page.locator(".mlm-frame-words", has_text="Step 60 of 60").wait_for()
    assert page.evaluate("asked") == list(range(11)), "each picture once"
    assert page.locator(".mlm-microscope").get_by_text("distilled here").is_visible()
    assert page.evaluate("ends") == [{"run": "run-1", "status": "completed"}]
    slider = page.get_by_role("slider", name="Step of the distillation")
    slider.focus()
    page.keyboard.press("Home")
    before = frame(page)
    assert before.startswith("Step 0 of 60")
    page.keyboard.press("End")
    assert frame(page) != before
    page.locator(".mlm-formula > summary").click()
    assert page.get_by_text("Only weights are kept while it learns").is_visible()


def test_who_looks_back_is_left_alone_until_the_end(page, load):
    load(page, live_page([2, 41]))
    page.locator(".mlm-frame-words", has_text="Step 30 of 30").wait_for()
    page.get_by_role("slider", name="Step of the distillation").focus()
    page.keyboard.press("Home")
    page.evaluate("(value) => answers.push(value)", payload(EVENTS[:60], since=41))
    page.wait_for_function("asked.length >= 8")
    page.wait_for_timeout(300)
    assert frame(page).startswith("Step 0 of 30")
    page.evaluate("(value) => answers.push(value)", payload(EVENTS, "completed", since=60))
    page.locator(".mlm-frame-words", has_text="Step 60 of 60").wait_for()


def test_another_student_begins_without_the_maps_of_the_one_before(page, load):
    load(page, live_page([2, len(EVENTS)]))
    page.locator(".mlm-frame-words", has_text="Step 60 of 60").wait_for()
    page.get_by_role("slider", name="Step of the distillation").focus()
    page.keyboard.press("Home")
    page.evaluate("window.deaf = true; window.paused = true")
    page.evaluate("(value) => view.update(value)", {**payload(EVENTS[:20]), "run": "run-2"})
    page.locator(".mlm-microscope").wait_for(state="hidden")
    page.evaluate("window.deaf = false")
    page.locator(".mlm-microscope").wait_for()  # although the slider of the one before was looking back


def test_maps_that_do_not_come_are_asked_for_again(page, load):
    load(page, live_page([2, 20, len(EVENTS)]).replace("const asked = [];", "const asked = []; window.deaf = true;"))
    page.wait_for_function("ends.length === 1")
    assert page.locator(".mlm-microscope").is_hidden()
    page.evaluate("window.deaf = false")
    page.locator(".mlm-frame-words", has_text="Step 60 of 60").wait_for()


def test_without_a_sentence_there_are_no_maps(page, load):
    events = samples.distillation(probe=False)
    load(page, live_page([2, len(events)], events))
    page.wait_for_function("ends.length === 1")
    assert page.locator(".mlm-microscope").is_hidden()
    assert page.evaluate("asked") == []
    page.evaluate("view.update(null)")
    assert page.get_by_text("No student yet").is_visible()
    page.evaluate("view.destroy()")


# -- in the app ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def app(tmp_path_factory, tiny_checkpoint):
    """Address of a running app whose teacher is tiny."""
    with running_app(tmp_path_factory.mktemp("home"), MINILM_CHECKPOINT=str(tiny_checkpoint)) as address:
        yield address


def test_distil_watch_stop_reload_and_use(app, open_page):
    """The main story: a student learns, its maps move; stop, come back by the address, fine-tune it."""
    page = open_page()
    page.goto(f"{app}?at=distil/now")
    page.locator("#distil-size").get_by_label("My own size").check()
    page.locator("#distil-probe textarea").fill("the <b>movie</b> is good")
    page.locator("#distil-time").get_by_label("5 minutes").check()
    page.click("#distil")
    student = page.locator("#student")
    student.locator(".mlm-frames").wait_for()
    assert re.search(r"[?&]run=student_sst2-", page.url)
    assert student.locator(".mlm-microscope b", has_text="movie").count() == 0
    page.wait_for_function("document.querySelectorAll('#student path.mlm-student').length >= 3")
    student.get_by_role("button", name="Stop and keep").click()
    page.wait_for_function("document.querySelector('#student [data-status]').dataset.status === 'stopped'")
    assert "→" in student.locator(".mlm-headline strong").inner_text()

    other = open_page()  # another browser that only has the link
    other.goto(page.url)
    other.locator("#distil-after").wait_for()
    other.locator("#student .mlm-frames").wait_for()
    other.evaluate("addEventListener('beforeunload', () => { document.title = 'left'; })")
    with other.expect_download() as download:
        other.click("#distil-download")
    assert download.value.suggested_filename == "minilm-student.zip"
    assert other.title() == "MiniLM Demo", "Gradio would close its stream, and reload a page that waits for an answer"
    other.click("#distil-tune")
    other.locator("#option-checkpoint label.selected", has_text="Student of").wait_for()
