"""A visitor's runs on the page: their names, their curves over each other, their end, on a desk and on a phone."""

import re
from functools import partial

import pytest

from minilm_demo import TrainConfig, finetune, runs
from minilm_demo.tasks import get_task


@pytest.fixture(scope="module")
def finished_runs(app_home):
    """The ids of two finished runs of the app: a full one, and one with LoRA."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MINILM_HOME", str(app_home))
        yield [finished(method) for method in ("full", "lora")]


def finished(method: str) -> str:
    config = TrainConfig(data="sample", max_steps=4, eval_examples=60, method=method)
    record = runs.create_run("finetune", get_task("sst2"), config, "page")
    *_, last = runs.record_events(record, partial(finetune, "sst2", record.config))
    assert last.status == "completed", last.message
    return record.run_id


def open_run(page, app, run_id: str):
    page.goto(f"{app}?run={run_id}")
    page.locator("#run-name textarea, #run-name input").wait_for()
    return page


def test_a_run_is_named_compared_and_deleted(app, finished_runs, open_page):
    full, lora = finished_runs
    page = open_page(timezone_id="Asia/Tokyo")
    open_run(page, app, full)
    assert not page.locator("#download-adapter").is_visible()
    open_run(page, app, lora)
    with page.expect_download() as taken:
        page.click("#download-adapter")
    assert taken.value.suggested_filename == "minilm-sst2-adapter.zip"

    page.locator("#run-name textarea, #run-name input").fill("Anna's <b>try</b>")
    page.click("#run-rename")
    page.get_by_role("heading", name="Anna's <b>try</b>: SST-2").wait_for()
    page.click("#curves-run")
    page.locator("#curves [data-drawn=learning-curves]").wait_for()
    choices = page.locator("#curves-runs label")
    choices.nth(1).wait_for()
    names = choices.all_inner_texts()
    assert len(set(names)) == 2 and all(", sample, Accuracy " in name for name in names)
    assert names[0].startswith("Anna's <b>try</b>: SST-2 run of ") and "UTC" not in names[0]
    page.locator("#curves-runs input").nth(1).uncheck()
    page.wait_for_function("document.querySelector('#curves').innerText.includes('Learning curves of 2') === false")

    page.get_by_role("tab", name="Predict").click()
    page.locator("#checkpoint").get_by_text("Anna's <b>try</b>").wait_for()
    page.get_by_role("tab", name="Fine-tune").click()
    page.click("#run-delete")
    page.click("#run-delete-no")
    page.locator("#run-delete-yes").wait_for(state="hidden")
    page.click("#run-delete")
    page.click("#run-delete-yes")
    page.get_by_text("No run yet.").wait_for()
    page.wait_for_function("!location.search.includes('run=')")
    page.get_by_role("tab", name="Predict").click()
    page.locator("#checkpoint").get_by_text("Anna's").wait_for(state="detached")
    page.locator("#checkpoint").get_by_text("SST-2 run of").wait_for()


def test_a_phone_shows_tables_whole(app, finished_runs, open_page):
    """Every column of the worst mistakes is on the screen, and no word of the preview is broken."""
    full, _ = finished_runs
    page = open_page(viewport={"width": 390, "height": 844})
    open_run(page, app, full)
    page.locator(".mlm-mistakes table").first.wait_for()
    page.wait_for_function("document.querySelector('#rows td')")
    cells = page.locator(".mlm-mistakes th, .mlm-mistakes td")
    edges = cells.evaluate_all("all => all.map((cell) => cell.getBoundingClientRect().right)")
    assert edges and max(edges) <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.wait_for_function("/^(posi|nega)tive$/m.test(document.querySelector('#rows')?.innerText)")
    labels = page.locator("#rows").get_by_text(re.compile("^(posi|nega)tive$")).locator("visible=true")
    boxes = [label.bounding_box() for label in labels.all()]
    assert boxes and all(box["x"] + box["width"] <= 390 and box["height"] < 40 for box in boxes)
