"""The components in a real browser, without a server: they draw, they stay text, they can be used by keyboard."""

import json
import re
from pathlib import Path

import pytest
import view_samples as samples

from minilm_demo import views
from minilm_demo.results import Candidate, Evaluation
from minilm_demo.tasks import TASKS
from minilm_demo.views.components import json_in_html

MNLI, SST2, SQUAD = TASKS["mnli"], TASKS["sst2"], TASKS["squad_v2"]
FIELDS = {"question": samples.QUESTION, "context": samples.CONTEXT}


def run_payload(events, task=MNLI, status="running", **options):
    return views.run_payload(events, task, status=status, run_id="run-1", **options)


def shown(component, value, title="Demo") -> str:
    return views.standalone_html(component, value, title)


PAGES = {
    "run completed": shown(views.RUN, run_payload(samples.mnli_run(), status="completed")),
    "run on the sample": shown(views.RUN, run_payload(samples.sst2_sample_run(), SST2, status="completed")),
    "run queued": shown(views.RUN, run_payload([], status="queued", position=2, starts_in=40)),
    "run failed": shown(views.RUN, run_payload([], status="failed", message="The disk is full.")),
    "no run": shown(views.RUN, None),
    "squad": views.show(samples.squad_evaluation()).html,
    "classes": shown(views.PREDICTION, views.prediction_payload(MNLI, samples.nli_prediction(), {})),
    "score": shown(views.PREDICTION, views.prediction_payload(TASKS["stsb"], samples.similarity_prediction(), {})),
    "span": shown(views.PREDICTION, views.prediction_payload(SQUAD, samples.span_prediction(), FIELDS)),
    "error": shown(views.PREDICTION, views.error_payload("The sentence is empty.")),
    "nothing yet": shown(views.PREDICTION, None),
    "rows": shown(views.ROWS, views.scored_rows_payload(MNLI, samples.mnli_rows())),
    "rows of scores": views.show(samples.stsb_rows()).html,
    "rows of questions": views.show(samples.squad_rows()).html,
    "no rows": shown(views.ROWS, None),
    "importance": views.show(samples.sentiment_importance()).html,
    "importance of a pair": views.show(samples.nli_importance()).html,
    "importance for a span": views.show(samples.span_importance()).html,
    "no importance": shown(views.IMPORTANCE, views.error_payload("Nobody is chosen to answer.")),
    "no importance yet": shown(views.IMPORTANCE, None),
}


def unfold(page, words: str) -> None:
    """Open the part with this heading and wait for what is in it: the browser tells of the opening a moment later."""
    box = page.locator("details", has=page.locator("summary", has_text=words)).first
    box.locator("summary").click()
    box.locator(".mlm-details-content > *").first.wait_for(state="attached")


# -- standalone pages ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1180, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_its_window_and_can_be_read(open_page, load, scheme, width):
    """No sideways scrolling, letters of 13 px and more, and a contrast of 4.5 : 1 (WCAG AA)."""
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    for name, html in PAGES.items():
        load(page, html)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.evaluate(HARD_TO_READ) == [], name


# Every text on the page with its size and its contrast against what is painted behind it. Colours are read off a canvas
# because the computed style of `color-mix` is not in rgb().
HARD_TO_READ = """() => {
  const pen = Object.assign(document.createElement("canvas"), {width: 1, height: 1}).getContext("2d");
  const rgba = (css) => { pen.clearRect(0, 0, 1, 1); pen.fillStyle = css; pen.fillRect(0, 0, 1, 1);
                          return [...pen.getImageData(0, 0, 1, 1).data]; };
  const light = (rgb) => rgb.slice(0, 3).map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = rgba(getComputedStyle(node).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const bad = [];
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !node.checkVisibility() || node.closest(".mlm-unseen")) continue;
    const style = getComputedStyle(node);
    const [a, b] = [light(rgba(node.closest("svg") ? style.fill : style.color)), light(behind(node))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5 || parseFloat(style.fontSize) < 13)
      bad.push([walker.currentNode.textContent, style.fontSize, contrast.toFixed(2)]);
  }
  return bad;
}"""


def test_a_completed_run_shows_curves_scores_and_mistakes(page, load):
    load(page, PAGES["run completed"])
    page.get_by_text("Completed: 189 steps in 44 s").first.wait_for()
    assert page.locator(".mlm-chart-svg path.mlm-student").count() == 2
    assert page.locator(".mlm-dot.mlm-student").count() == 9
    assert "Best" in page.get_by_role("img", name="Accuracy on 200 held-back rows").get_attribute("aria-label")
    assert page.locator(".mlm-verdict").count() == 2
    paper = page.get_by_role("row", name=re.compile("paper: "))  # in the table: this page loads no plotly
    assert paper.count() == 3
    assert page.get_by_role("row", name="entailment entailment 2,891 83 %").is_visible()
    assert page.locator(".mlm-mistakes tbody tr").count() == 5
    unfold(page, "7 more")
    assert page.locator(".mlm-mistakes tbody tr").count() == 12
    assert page.get_by_role("button").count() == 0  # nothing to stop


def test_the_curves_are_a_table_too(page, load):
    load(page, PAGES["run completed"])
    unfold(page, "The curves as a table")
    table = page.get_by_role("region", name="The curves as a table")
    assert table.locator("tbody tr").count() == 189
    assert table.locator("tbody tr").nth(18).inner_text().split("\t")[0] == "19"


def test_a_sample_run_says_so(page, load):
    load(page, PAGES["run on the sample"])
    assert page.get_by_text("on the bundled sample, not GLUE").is_visible()
    assert page.get_by_text("not clearly above always answering 'negative'").first.is_visible()
    score = page.get_by_role("img", name="Accuracy on 30 validation rows")
    assert "validation rows 63.3 %" in score.get_attribute("aria-label")
    assert score.locator(".mlm-line.mlm-base").count() == 1
    assert score.locator(".mlm-dot.mlm-student").count() == 3
    assert page.get_by_text("best constant answer: 50.0 %").is_visible()
    assert page.get_by_role("row", name=re.compile("paper: ")).count() == 0


def test_a_failed_run_alerts(page, load):
    load(page, PAGES["run failed"])
    assert "The disk is full." in page.get_by_role("alert").inner_text()


def test_arrow_keys_read_the_points(page, load):
    load(page, PAGES["run completed"])
    chart = page.locator(".mlm-chart").first
    chart.locator("svg").focus()
    page.keyboard.press("Home")
    assert chart.locator(".mlm-readout").inner_text().startswith("Step 1 · loss 1.")
    page.keyboard.press("ArrowRight")
    assert chart.locator(".mlm-readout").inner_text().startswith("Step 2 · loss")
    assert chart.locator(".mlm-readout").get_attribute("aria-live") == "polite"
    page.keyboard.press("Escape")
    assert chart.locator(".mlm-readout").inner_text().startswith("Latest: step 189")


def test_the_mouse_reads_the_nearest_scored_step(page, load):
    load(page, PAGES["run completed"])
    chart = page.locator(".mlm-chart").nth(1)
    box = chart.locator(".mlm-dot").nth(2).bounding_box()
    page.mouse.move(box["x"] + 7, box["y"] + 40)
    assert "Step 57 · training batches" in chart.locator(".mlm-readout").inner_text()
    assert "held-back rows" in chart.locator(".mlm-readout").inner_text()


def test_predictions(page, load):
    load(page, PAGES["classes"])
    assert page.locator(".mlm-answer").inner_text() == "contradiction, 86.8 %"
    assert page.get_by_role("row").count() == 3
    assert page.locator(".mlm-chosen").inner_text().split() == ["contradiction", "86.8", "%"]
    load(page, PAGES["score"])
    assert page.locator(".mlm-answer").inner_text() == "3.4 on a scale from 0 to 5"
    load(page, PAGES["span"])
    assert page.locator("mark").inner_text() == "pollen from the willows"
    assert page.locator(".mlm-context").inner_text() == samples.CONTEXT
    unfold(page, "Other candidates")
    assert page.get_by_role("cell", name="from the willows").is_visible()


# -- which words mattered ------------------------------------------------------------------------------------------


def test_words_are_coloured_for_and_against(page, load):
    load(page, PAGES["importance"])
    assert page.locator(".mlm-why").inner_text() == "Why “positive”, 97.3 %?"
    left_out, gradient = page.locator(".mlm-half").all()
    assert left_out.locator(".mlm-words").inner_text() == "😀 Charming but never dull"
    strongest = left_out.get_by_role("img", name="Charming: +31.2 percentage points")
    assert strongest.get_attribute("title") == "Charming: +31.2 percentage points"
    assert "mlm-for" in strongest.get_attribute("class")
    assert "mlm-against" in gradient.get_by_role("img", name="never: −0.21").get_attribute("class")
    paint = "(word) => getComputedStyle(word).backgroundColor"
    shades = [word.evaluate(paint) for word in left_out.locator(".mlm-word").all()]
    assert len(set(shades)) == 5
    assert page.get_by_text("Neither is the whole truth.").is_visible()


@pytest.mark.parametrize(("width", "beside"), [(1180, True), (390, False)])
def test_the_two_methods_stand_beside_each_other_where_there_is_room(open_page, load, width, beside):
    page = open_page(viewport={"width": width, "height": 800})
    load(page, PAGES["importance of a pair"])
    first, second = (half.bounding_box() for half in page.locator(".mlm-panel-text").all())
    assert (first["y"] == second["y"]) == beside
    assert (first["x"] == second["x"]) != beside
    unfold(page, "The words as a table")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_words_sort_by_either_number(page, load):
    load(page, PAGES["importance"])
    unfold(page, "The words as a table")

    def column(place):
        return page.locator(f".mlm-table tbody td:nth-child({place})").all_inner_texts()

    assert column(2) == ["😀", "Charming", "but", "never", "dull"]
    page.get_by_role("button", name="Left out").click()
    assert column(2) == ["Charming", "😀", "never", "but", "dull"]
    heading = page.get_by_role("columnheader", name="Left out")
    assert heading.get_attribute("aria-sort") == "descending"
    page.get_by_role("button", name="Left out").click()
    assert column(2)[0] == "dull"
    assert heading.get_attribute("aria-sort") == "ascending"
    page.get_by_role("button", name="Gradient × input").click()
    assert column(4) == ["+0.11", "+0.04", "+0.03", "−0.09", "−0.21"]
    assert heading.get_attribute("aria-sort") is None
    page.get_by_role("button", name="Place").click()
    assert column(1) == ["1", "2", "3", "4", "5"]


def test_words_that_were_not_left_out_stay_last(page, load):
    load(page, PAGES["importance for a span"])
    unfold(page, "The words as a table")
    for _ in range(2):
        page.get_by_role("button", name="Left out").click()
        cells = page.locator(".mlm-table tbody td:nth-child(4)").all_inner_texts()
        assert cells[0] != "not left out"
        assert cells[-1] == "not left out"


def test_arrow_keys_read_the_words_in_both_texts(page, load):
    load(page, PAGES["importance"])
    page.keyboard.press("Tab")
    readout = page.locator(".mlm-readout")
    assert readout.inner_text().startswith("“😀”: leave-one-out +1.2 percentage points")
    page.keyboard.press("ArrowRight")
    assert readout.inner_text() == "“Charming”: leave-one-out +31.2 percentage points, gradient × input +0.04"
    assert page.locator(".mlm-now").all_inner_texts() == ["Charming", "Charming"]
    page.keyboard.press("End")
    assert readout.inner_text().startswith("“dull”")
    page.keyboard.press("Tab")
    assert readout.inner_text().startswith("“😀”")  # the other text: one stop for each
    page.mouse.move(0, 0)
    page.locator(".mlm-word", has_text="never").first.hover()
    assert readout.inner_text().startswith("“never”")


# -- hostile text --------------------------------------------------------------------------------------------------


def hostile_pages():
    text = " ".join(samples.HOSTILE)
    mistake = samples.Mistake("validation", 0, {"sentence": text}, "negative", "positive", 0.9)
    evaluation = samples.sst2_sample_run()[-1].result.evaluation
    evaluation = Evaluation(**{**vars(evaluation), "mistakes": (mistake,), "checkpoint": text})
    span = samples.Prediction(
        "squad_v2", text, 3.0, answer=text, start=0, end=len(text), score=1.0, no_answer_score=-1.0, threshold=0.0,
        candidates=(Candidate(text, 0, 3, 1.0),),
    )  # fmt: skip
    classes = samples.Prediction("sst2", text, 3.0, label=text, probabilities={text: 0.7, "positive": 0.3})
    return {
        "result": views.show(evaluation).html,
        "failure": shown(views.RUN, run_payload([], status="failed", message=text), title=text),
        "span": views.show(span, fields={"question": text, "context": text}).html,
        "classes": shown(views.PREDICTION, views.prediction_payload(SST2, classes, {}, note=text)),
        "error": shown(views.PREDICTION, views.error_payload(text)),
        "importance": views.show(
            samples.sentiment_importance(
                target=text,
                checkpoint=text,
                fields={"sentence": text},
                words=tuple(samples.weights("sentence", text, [(0.5, -0.1)] * len(text.split()))),
            )
        ).html,
    }


@pytest.mark.parametrize("name", hostile_pages())
def test_hostile_texts_stay_text(page, load, name):
    load(page, hostile_pages()[name])
    for summary in page.locator("summary:visible").all():
        unfold(page, summary.inner_text())
    text = page.locator("main").inner_text()
    for hostile in samples.HOSTILE:
        assert hostile in text
    assert page.locator("img").count() == 0
    assert page.locator("main script").count() == 0
    assert page.title() != "owned"


# -- scored rows of a validation set --------------------------------------------------------------------------------

ROWS = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><style>{css}</style>
<main><div class="mlm-rows"></div></main><script>
{js}
const picked = [];
const view = rows.mount(document.querySelector(".mlm-rows"), {value}, {{ picked: (row) => picked.push(row) }});
</script>"""


def rows_page(payload) -> str:
    """A rows component whose server remembers what was picked."""
    return ROWS.format(css=views.ROWS.css, js=views.ROWS.js, value=json_in_html(payload))


def test_a_cell_opens_its_rows_by_keyboard_and_a_row_is_picked(page, load):
    load(page, rows_page(views.scored_rows_payload(MNLI, samples.mnli_rows())))
    assert page.locator(".mlm-summary").get_by_text("clearly above always answering 'entailment'").is_visible()
    assert page.locator(".mlm-opened-rows").is_hidden()
    assert page.locator(".mlm-cell").count() == 8  # the cell without rows is no button
    cell = page.get_by_role("button", name="True: entailment, predicted: neutral")
    for _ in range(3):  # the box of the table, the first cell, this one
        page.keyboard.press("Tab")
    assert cell.evaluate("(button) => button === document.activeElement")
    page.keyboard.press("Enter")
    assert cell.get_attribute("aria-pressed") == "true"
    spoken = page.locator("[aria-live=polite]")
    assert spoken.inner_text() == "True: entailment, predicted: neutral: 3 rows, the surest first."
    page.locator(".mlm-row").nth(1).focus()
    page.keyboard.press("Enter")
    assert page.evaluate("picked") == [{"texts": ["Premise 011. ", "Hypothesis 011. "], "checkpoint": ""}]
    assert spoken.inner_text() == "The model is asked about: Premise 011."
    page.get_by_role("button", name="True: entailment, predicted: entailment").click()
    assert cell.get_attribute("aria-pressed") == "false"
    assert page.locator(".mlm-row").count() == 50
    assert page.locator(".mlm-opened-rows").get_by_text("70 rows; 50 of them here").is_visible()


def test_rows_without_a_table_are_listed_at_once(page, load):
    load(page, rows_page(views.scored_rows_payload(TASKS["stsb"], samples.stsb_rows())))
    assert page.locator(".mlm-cell").count() == 0
    words = " ".join(page.locator(".mlm-row").first.inner_text().split())
    assert words == "First sentence First 59. Second sentence Second 59. Expected 2.0 Predicted −1.0 Off by 3.0"


def test_new_rows_take_the_place_of_the_old_ones(page, load):
    load(page, rows_page(views.scored_rows_payload(MNLI, samples.mnli_rows())))
    page.locator(".mlm-cell").first.click()
    page.evaluate("(value) => view.update(value)", views.scored_rows_payload(SQUAD, samples.squad_rows()))
    assert page.locator(".mlm-opened-rows").is_hidden()
    assert page.get_by_role("columnheader", name="answered", exact=True).is_visible()
    page.evaluate("view.update(null)")
    assert page.get_by_text("The score will be here").is_visible()
    page.evaluate("view.destroy()")


def test_on_a_page_of_its_own_rows_are_no_buttons(page, load):
    load(page, PAGES["rows"])
    page.locator(".mlm-cell").nth(1).click()
    assert page.locator(".mlm-row").count() == 3
    assert page.locator("button.mlm-row").count() == 0


def test_hostile_rows_stay_text_and_are_picked_as_they_are(page, load):
    text = " ".join(samples.HOSTILE)
    load(page, rows_page(views.scored_rows_payload(MNLI, samples.mnli_rows(text), seen=text)))
    page.locator(".mlm-cell").nth(1).click()
    row = page.locator(".mlm-row").first
    for hostile in samples.HOSTILE:
        assert hostile in row.inner_text()
    row.click()
    assert page.evaluate("picked") == [{"texts": [f"Premise 012. {text}", f"Hypothesis 012. {text}"], "checkpoint": ""}]
    assert page.locator("img").count() == 0
    assert page.locator("main script").count() == 0
    assert page.title() != "owned"


# -- a live run ----------------------------------------------------------------------------------------------------

LIVE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><style>{css}</style>
<div class="mlm-run"></div><script>
{js}
const answers = {answers};  // one payload for each question
const asked = [];
const stops = [];
const ends = [];
const view = run.mount(document.querySelector(".mlm-run"), {first}, {{
  poll: async (question) => {{
    asked.push(question);
    const answer = answers.length > 1 && !window.paused ? answers.shift() : answers[0];
    if (answer === "error") throw new Error("no answer");
    return answer;
  }},
  stop: async (which) => {{ stops.push(which); if (window.refuse) throw new Error("no"); }},
  finished: (end) => ends.push(end),
}});
</script>"""


def live_page(first, *answers) -> str:
    """A run component whose server is a list of answers; the last one is given again and again."""
    return LIVE.format(css=views.RUN.css, js=views.RUN.js, first=json.dumps(first), answers=json.dumps(answers))


def story(lengths, events=None, status="running"):
    """The payloads of a browser that asks when there are so many events."""
    events = events or samples.mnli_run()
    return [
        run_payload(events[:now], status="completed" if now == len(events) else status, since=before)
        for before, now in zip([0, *lengths], lengths, strict=False)
    ]


def test_a_live_run_draws_points_as_they_come_and_ends_with_the_card(page, load):
    events = samples.mnli_run()
    first, *answers = story([2, 40, 90, 91, len(events)], events)
    load(page, live_page(first, *answers))
    page.wait_for_function("document.querySelectorAll('.mlm-line.mlm-raw').length === 1")
    page.locator(".mlm-verdict").first.wait_for()
    assert page.get_by_role("button").count() == 0
    assert page.evaluate("asked.map((one) => one.since)") == [2, 40, 90, 91]
    assert page.evaluate("asked[0].run") == "run-1"
    assert page.evaluate("ends") == [{"run": "run-1", "status": "completed"}]
    unfold(page, "The curves as a table")
    assert page.locator(".mlm-tall tbody tr").count() == 189  # each point once
    page.wait_for_timeout(500)
    assert page.evaluate("asked.length") == 4  # nobody asks after the end


def test_a_run_without_a_step_says_what_it_waits_for(page, load):
    load(page, live_page(*story([2, 2])))
    page.get_by_text("Waiting for the first step…").first.wait_for()
    assert page.locator(".mlm-chart .mlm-empty:visible").count() == 2
    assert page.get_by_text("The curves as a table").first.is_hidden()


def test_progress_is_said_to_a_screen_reader(page, load):
    load(page, live_page(run_payload(samples.mnli_run()[:40]), *story([40, 40])[1:]))
    bar = page.get_by_role("progressbar")
    assert bar.get_attribute("aria-valuemax") == "189"
    assert bar.get_attribute("aria-valuenow") == "36"
    assert page.locator(".mlm-unseen[aria-live=polite]").first.inner_text().startswith("Step 36 of 189")


def test_the_keyboard_reaches_stop_and_it_says_what_it_does(page, load):
    load(page, live_page(run_payload(samples.mnli_run()[:40]), *story([40, 40])[1:]))
    page.keyboard.press("Tab")
    stop = page.get_by_role("button", name="Stop and keep the best")
    assert stop.evaluate("(button) => button === document.activeElement")
    page.keyboard.press("Enter")
    stopping = page.get_by_role("button", name="Stopping…")
    assert stopping.is_disabled()
    assert page.evaluate("stops") == [{"run": "run-1"}]
    page.wait_for_timeout(500)  # later answers still say "running"
    assert stopping.is_disabled()


def test_a_refused_stop_can_be_tried_again(page, load):
    load(page, live_page(run_payload([], status="queued"), run_payload([], status="queued")))
    page.evaluate("window.refuse = true")
    page.get_by_role("button", name="Leave the line").click()
    page.get_by_text("did not take the request to stop").wait_for()
    assert page.get_by_role("button", name="Leave the line").is_enabled()


def test_a_lost_server_is_said_and_asked_again(page, load):
    first, *answers = story([2, 40, 40])
    load(page, live_page(first, "error", *answers))
    page.get_by_text("The server does not answer").wait_for()
    page.get_by_text("Step 36 of 189").first.wait_for()
    page.get_by_text("The server does not answer").wait_for(state="hidden")


def test_another_run_takes_the_place_of_the_first(page, load):
    load(page, live_page(run_payload(samples.mnli_run()[:40]), *story([40, 40])[1:]))
    page.evaluate("window.paused = true")
    other = views.run_payload([], SST2, status="queued", run_id="run-2", position=1)
    page.evaluate("(value) => { answers.splice(0, answers.length, value); view.update(value); }", other)
    page.get_by_text("Place 1 in the line").first.wait_for()
    page.wait_for_function("asked.at(-1).run === 'run-2'")
    assert page.locator(".mlm-line").count() == 0
    page.evaluate("view.update(null)")
    assert page.get_by_text("No run yet").is_visible()
    page.evaluate("view.destroy()")


def test_a_run_in_a_hidden_tab_is_drawn_when_it_is_shown(page, load):
    load(page, live_page(run_payload(samples.mnli_run(), status="completed"), None))
    page.evaluate("document.querySelector('.mlm-run').style.display = 'none'; view.update(null)")
    value = run_payload(samples.mnli_run(), status="completed")
    page.evaluate("(value) => view.update(value)", value)
    page.evaluate("document.querySelector('.mlm-run').style.display = ''")
    page.wait_for_function("document.querySelectorAll('path.mlm-student').length === 2")


# -- the curves as files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["png", "svg", "csv"])
def test_the_curves_can_be_saved(page, load, ending):
    load(page, PAGES["run completed"])
    page.get_by_text("Save", exact=True).first.click()  # of the curves; figures have their own
    names = {"png": "Picture (PNG)", "svg": "Picture (SVG)", "csv": "Numbers (CSV)"}
    with page.expect_download() as download:
        page.get_by_role("button", name=names[ending]).click()
    assert download.value.suggested_filename == f"run-1-curves.{ending}"
    saved = Path(download.value.path()).read_bytes()
    if ending == "png":
        assert saved.startswith(b"\x89PNG")
    elif ending == "svg":
        picture = saved.decode()
        assert all(words in picture for words in ("Loss per step", "held-back rows", "best 80.", "smoothed"))
    else:
        lines = saved.decode().splitlines()
        assert lines[0] == 'step,"Loss","Training batches","Accuracy, held-back rows"'
        assert len(lines) == 190
        step, loss, _, held = lines[19].split(",")
        assert step == "19" and float(loss) > 0 and 0 < float(held) < 1
    page.get_by_text(f"{names[ending]}: saved.").wait_for()
