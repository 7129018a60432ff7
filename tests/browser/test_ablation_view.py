"""The experiment on a page: what ships, and a small one that is started, watched and stopped."""

import json

import ablation_samples as samples
import gradio as gr
import pytest

from minilm_demo import ui, views
from minilm_demo.results import Working, to_dict
from minilm_demo.ui import ablation_panel

SIZES = {
    "2 minutes": {"layers": 1, "seeds": 1, "train_examples": 40, "steps": 3, "batch_size": 4, "time_budget": 120},
    "10 minutes": {"layers": 1, "seeds": 5, "train_examples": 40, "steps": 3, "batch_size": 4, "time_budget": 600},
}


@pytest.fixture(scope="module")
def pages():
    live = [samples.started(seeds=2), *samples.students(2)[:4]]
    run = views.experiment_state([*live, Working("copied_distilled", 0, "distilling", 40, 60, 5, 10, 71.0)],
                                 status="running", run_id="r")  # fmt: skip
    return {
        "shipped": views.show(samples.experiment()).html,
        "live": views.standalone_html(
            views.ABLATION, views.ablation_payload(samples.summarise(live[0], live[1:]), run=run, paper=False), "live"
        ),
        "none": views.standalone_html(views.ABLATION, views.ablation_payload(None), "none"),
        "nothing": views.standalone_html(views.ABLATION, None, "nothing"),
    }


@pytest.mark.parametrize("width", [1180, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_its_window(open_page, load, pages, scheme, width):
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    for name, html in pages.items():
        load(page, html)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name


def test_the_picture_its_words_and_its_tables(page, load, pages):
    load(page, pages["shipped"])
    assert page.locator(".mlm-verdict").first.inner_text().startswith("Copying the teacher's layers gains 6.1 points")
    row = page.get_by_role("row", name="Copied, then distilled").first  # a page of its own shows the figure's numbers
    assert "79.0, 80.0, 78.7, 79.8, 80.1" in row.inner_text() and row.is_visible()
    page.get_by_text("The gains as a table").click()
    page.get_by_role("cell", name="+6.1").wait_for()
    page.locator("summary", has_text="How it was measured").click()
    page.locator(".mlm-facts").first.wait_for()
    page.locator("summary", has_text="The paper's own numbers").click()
    paper = page.get_by_role("region", name="The paper's own numbers")
    assert "72.4 / 82.2 / 91.0" in paper.inner_text()
    assert page.get_by_role("button").count() == 0
    load(page, pages["none"])
    assert page.get_by_role("region", name="The paper's own numbers").is_visible()


@pytest.fixture
def address(tiny_checkpoint, tmp_path, monkeypatch):
    """A page with nothing but the panel, whose experiments are tiny."""
    monkeypatch.setenv("MINILM_CHECKPOINT", str(samples.write_teacher(tmp_path / "teacher", tiny_checkpoint)))
    file = tmp_path / "ablation.json"
    file.write_text(json.dumps(to_dict(samples.experiment())), encoding="utf-8")
    monkeypatch.setattr(ablation_panel, "PRECOMPUTED", file)
    monkeypatch.setattr(ablation_panel, "SIZES", SIZES)
    with gr.Blocks() as page:
        ablation_panel.build_ablation_panel(gr.BrowserState([], storage_key="runs", secret="test"))
    _, url, _ = page.launch(**ui.launch_options(), prevent_thread_lock=True, quiet=True)
    yield url
    page.close()


STUDENTS = """(id) => {
  const drawn = document.querySelector(`#${id} .js-plotly-plot`)?.data ?? [];
  return drawn.find(({ name }) => name === "one student")?.x.length ?? 0;
}"""


def students(page, elem_id: str) -> int:
    """The dots in the figure of a view."""
    return page.evaluate(STUDENTS, elem_id)


def test_run_it_here_watch_stop_and_come_back(address, open_page):
    page = open_page()
    page.goto(f"{address}?at=distil/help")
    page.locator("#ablation [data-drawn]").wait_for()
    assert students(page, "ablation") == 25
    assert "5 students with half of the teacher's layers" in page.locator("#ablation-plan").inner_text()
    page.get_by_label("10 minutes").check()
    page.get_by_text("25 students with half of the teacher's layers").wait_for()
    page.click("#ablation-start")
    page.wait_for_function(f"({STUDENTS})('ablation-run') >= 2")  # two are scored, the others to come
    page.get_by_role("button", name="Stop and keep these").click()
    page.locator("#ablation-run [data-status=stopped]").wait_for()
    kept = students(page, "ablation-run")
    assert 2 <= kept < 25
    assert f"Stopped. Scored {kept} of 25 students." in page.locator("#ablation-run").inner_text()
    assert students(page, "ablation") == 25  # what ships is still there
    other = open_page()  # another browser that only has the link
    other.goto(page.url)
    other.locator("#ablation-run [data-status=stopped]").wait_for()
    other.locator("#ablation-run .mlm-figure").scroll_into_view_if_needed()
    other.locator("#ablation-run [data-drawn]").wait_for()
    assert students(other, "ablation-run") == kept
