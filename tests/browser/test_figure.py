"""A figure on the page: plotly comes from the page's own host and only for a figure; themes, table, files."""

import csv
import dataclasses
import re
from pathlib import Path

import distill_samples
import gradio as gr
import pytest
import view_samples as samples
from test_components import HARD_TO_READ  # beside this file

from minilm_demo import ui, views
from minilm_demo.ui.components import view

MARKUP = "<img src=x onerror=document.title='broken'><b>bold</b>"
RUN, DISTILLATION = samples.mnli_run(), distill_samples.distillation()
FIGURES = {
    "scores": views.figure(samples.mnli_evaluation()),
    "confusion": views.figure(
        dataclasses.replace(samples.mnli_evaluation(), labels=(MARKUP, "neutral", "contradiction")), kind="confusion"
    ),
    "curves": views.figure({MARKUP: RUN, "another run": RUN}),
    "heads": views.figure(DISTILLATION[-1].result, events=DISTILLATION),
}
FILL = "(element) => getComputedStyle(element).fill"


@pytest.fixture(scope="module")
def address():
    """A page whose first tab has no figure; the second has some, and a run with its card."""
    with gr.Blocks() as page, gr.Tabs():
        with gr.Tab("First"):
            gr.Markdown("Nothing to see.")
        with gr.Tab("Second"):
            for name, figure in FIGURES.items():
                view(views.FIGURE, value=views.figure_payload(figure), elem_id=name)
            run = views.run_payload(RUN, samples.TASKS["mnli"], status="completed", run_id="run-1")
            view(views.RUN, value=run, elem_id="run")
            view(views.FIGURE, elem_id="none")
    _, url, _ = page.launch(**ui.launch_options(), prevent_thread_lock=True, quiet=True)
    yield url
    page.close()


@pytest.fixture
def opened(address, open_page):
    """opened(theme, …): the second tab, and the addresses of plotly that were asked for on the way."""

    def open_second(theme: str = "light", **options):
        page = open_page(**options)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if "plotly" in request.url else None)
        page.goto(f"{address}?__theme={theme}")
        page.get_by_text("Nothing to see.").wait_for()
        page.wait_for_load_state("networkidle")
        assert asked == []  # nobody looks at a figure yet
        page.get_by_role("tab", name="Second").click()
        return page, asked

    return open_second


def drawn(page, name: str):
    box = page.locator(f"#{name}")
    box.locator(".mlm-drawing").scroll_into_view_if_needed()
    box.locator("[data-drawn]").wait_for()
    return box


def test_plotly_is_fetched_once_from_this_host_when_a_figure_is_seen(opened, address):
    page, asked = opened()
    for name in FIGURES:
        drawn(page, name)
    drawn(page, "run .mlm-card .mlm-figure >> nth=0")
    assert asked == [f"{address}{views.PLOTLY_ADDRESS}"]
    assert page.locator("#none .mlm-drawing").is_hidden()


def test_plotly_is_compressed_and_cached_for_good(address, open_page):
    page = open_page()
    answer = page.request.get(address + views.PLOTLY_ADDRESS, headers={"Accept-Encoding": "br"})
    assert answer.ok and "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "br" and int(answer.headers["content-length"]) < 1_400_000
    assert answer.body() == views.plotly_js()
    assert page.request.get(f"{address}{views.ADDRESS}/plotly-0.0.0.js").status == 404


def switch_theme(page) -> str:
    """Change between light and dark, and wait until the figure of the scores has followed -> its colour of text."""
    before = page.evaluate("getComputedStyle(document.querySelector('#scores .mlm-figure-title')).color")
    page.evaluate("document.body.classList.toggle('dark')")
    page.wait_for_function(
        "(before) => getComputedStyle(document.querySelector('#scores .xtick text')).fill !== before", arg=before
    )
    return page.evaluate("getComputedStyle(document.querySelector('#scores .mlm-figure-title')).color")


def test_a_figure_follows_the_theme(opened):
    page, _ = opened("dark")
    box = drawn(page, "scores")
    tick = box.locator(".xtick text").first
    dark = page.evaluate("getComputedStyle(document.querySelector('#scores .mlm-figure-title')).color")
    assert tick.evaluate(FILL) == dark
    light = switch_theme(page)
    assert tick.evaluate(FILL) == light != dark
    assert switch_theme(page) == tick.evaluate(FILL) == dark
    assert box.locator(".main-svg").first.evaluate("(svg) => svg.style.background") in ("rgba(0, 0, 0, 0)", "none")


@pytest.mark.parametrize("width", [1180, 390])
def test_every_figure_fits_and_can_be_read(opened, width):
    page, _ = opened(viewport={"width": width, "height": 800})
    for name in FIGURES:
        plot = drawn(page, name).locator(".js-plotly-plot")
        assert plot.locator(".main-svg").first.bounding_box()["width"] <= plot.bounding_box()["width"] + 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    readable = HARD_TO_READ.replace('querySelector("main")', 'querySelector(".mlm-figure").parentElement')
    assert page.evaluate(readable) == []
    switch_theme(page)
    assert page.evaluate(readable) == []


def test_a_name_stays_text(opened):
    page, _ = opened()
    for name in ("confusion", "curves"):
        box = drawn(page, name)
        assert MARKUP in [re.sub(r"\s+", " ", text) for text in box.locator("svg text").all_text_contents()]
        assert box.locator("img, image[href='x']").count() == 0
    assert "broken" not in page.title()


def test_the_table_has_what_the_figure_has(opened):
    page, _ = opened()
    box = drawn(page, "heads")
    label = box.locator(".mlm-drawing[role=img]").get_attribute("aria-label")
    assert label.startswith("Which head learns when. Attention: in the mean")
    summary = box.get_by_text("As a table")
    summary.focus()
    page.keyboard.press("Enter")  # by keyboard
    table = views.figure_table(FIGURES["heads"])
    box.locator("tbody tr").first.wait_for()
    assert box.locator("thead th").all_inner_texts() == table["headings"]
    assert [row.inner_text().split("\t") for row in box.locator("tbody tr").all()] == table["rows"]
    shown = page.evaluate("document.querySelector('#heads .js-plotly-plot').data[0].z[0]")
    assert [f"{value:.3f}" for value in shown] == table["rows"][0][2:]


def test_it_leaves_as_a_file(opened):
    page, _ = opened("dark")
    box = drawn(page, "scores")
    box.get_by_text("Save", exact=True).click()
    files = {}
    for ending in ("PNG", "SVG", "CSV"):
        with page.expect_download() as download:
            box.get_by_role("button", name=re.compile(ending)).click()
        assert download.value.suggested_filename == f"mnli-scores.{ending.lower()}"
        files[ending] = Path(download.value.path())
    assert files["PNG"].read_bytes().startswith(b"\x89PNG")
    drawing = files["SVG"].read_text()
    assert "Scores: MNLI" in drawing and "this model" in drawing  # the title comes along
    table = views.figure_table(FIGURES["scores"])
    with files["CSV"].open(newline="", encoding="utf-8") as lines:
        assert list(csv.reader(lines)) == [table["headings"], *table["rows"]]


def test_a_figure_that_cannot_load_its_library_shows_its_numbers(address, open_page):
    page = open_page()
    page.route("**/plotly-*.js", lambda route: route.fulfill(status=200, body="", content_type="text/plain"))
    page.goto(address)
    page.get_by_role("tab", name="Second").click()
    box = page.locator("#scores")
    box.get_by_text("The picture could not be loaded.").wait_for()
    assert box.get_by_role("row", name=re.compile("this model")).first.is_visible()
