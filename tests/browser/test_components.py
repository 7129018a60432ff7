"""The components in a real browser, without a server: they draw, they stay text, they can be used by keyboard."""

import json

import pytest
import view_samples as samples

from minilm_demo import views
from minilm_demo.results import Candidate, Evaluation
from minilm_demo.tasks import TASKS

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
}


@pytest.fixture
def load(tmp_path):
    """load(page, html): open the HTML as a file, as a person would who was sent it."""

    def load_one(page, html: str) -> None:
        file = tmp_path / "page.html"
        file.write_text(html, encoding="utf-8")
        page.goto(file.as_uri())

    return load_one


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
    assert page.locator(".mlm-plot-paper").count() == 3
    assert page.locator(".mlm-confusion").count() == 2
    assert page.get_by_role("cell", name="2,891 83 %").is_visible()
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
    assert page.get_by_text("Under 500 rows nothing is held back: only the loss is drawn.").is_visible()
    assert page.locator(".mlm-plot-paper").count() == 0


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


# -- a live run ----------------------------------------------------------------------------------------------------

LIVE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><style>{css}</style>
<div class="mlm-run"></div><script>
{js}
const answers = {answers};  // one payload for each question
const asked = [];
const stops = [];
const ends = [];
const view = MiniLM.run.mount(document.querySelector(".mlm-run"), {first}, {{
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
    assert page.locator("[aria-live=polite]").first.inner_text().startswith("Step 36 of 189")


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
