"""Answers in a real browser, without a server: lanes, the threshold, what a change did, the tries so far."""

import json

import pytest
import view_samples as samples

from minilm_demo import views
from minilm_demo.tasks import TASKS

SST2, SQUAD = TASKS["sst2"], TASKS["squad_v2"]

PAGE = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><link rel="icon"
href="data:,"><style>{css}</style><main><div class="mlm-answers"></div></main><script>
{js}
const picked = [];
const view = answers.mount(document.querySelector(".mlm-answers"), null, {{picked: (one) => picked.push(one)}});
</script>"""


def lane(positive: float, title: str = "the skill", card: str = "") -> dict:
    prediction = samples.Prediction(
        "sst2", title, 4.0, label="positive" if positive > 0.5 else "negative",
        probabilities={"negative": 1 - positive, "positive": positive},
    )  # fmt: skip
    return {**views.prediction_payload(SST2, prediction, {}), "title": title, "card": views.markdown_blocks(card)}


@pytest.fixture
def answers(page, load):
    """answers(text, lanes…): the component is given the answers to one sentence."""
    load(page, PAGE.format(css=views.ANSWERS.css, js=views.ANSWERS.js))

    def show(text: str, *lanes: dict, skill: str = "sentiment") -> None:
        value = views.answers_payload(skill, SST2, {"sentence": text}, lanes)
        page.evaluate("(value) => view.update(value)", value)

    return show


def test_several_checkpoints_answer_side_by_side(page, answers):
    answers("Fine.", lane(0.9), lane(0.3, "my run"), {**views.error_payload("It is gone."), "title": "a run"})
    assert page.locator(".mlm-lane h4").all_inner_texts() == ["the skill", "my run", "a run"]
    assert page.locator(".mlm-answer").all_inner_texts() == ["positive, 90.0 %", "negative, 70.0 %", "It is gone."]
    boxes = [box.bounding_box() for box in page.locator(".mlm-lane").all()]
    assert len({round(box["y"]) for box in boxes}) == 1
    page.set_viewport_size({"width": 390, "height": 800})
    boxes = [box.bounding_box() for box in page.locator(".mlm-lane").all()]
    assert len({round(box["x"]) for box in boxes}) == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_changed_word_is_shown_with_what_it_did(page, answers):
    answers("A joy from start to end.", lane(0.9))
    assert page.locator(".mlm-change").count() == 0
    answers("A bore from start to end.", lane(0.2))
    assert page.locator(".mlm-gone").all_inner_texts() == ["joy"]
    assert page.locator(".mlm-new").all_inner_texts() == ["bore"]
    rows = [row.split("\t") for row in page.locator(".mlm-change tbody tr").all_inner_texts()]
    assert rows == [["negative", "10.0 %", "80.0 %", "+70.0 points"], ["positive", "90.0 %", "20.0 %", "−70.0 points"]]
    answers("A bore from start to end.", lane(0.2, "my run"))  # another checkpoint: nothing to compare
    assert page.locator(".mlm-change").count() == 0


def test_a_changed_question_is_shown_with_both_answers(page, answers):
    for question, text, score in (("Who came?", "Ann", -2.0), ("Who left?", "", 3.0)):
        fields = {"question": question, "context": "Ann came and Ben left."}
        start, end = (0, 3) if text else (None, None)
        prediction = samples.Prediction(
            "squad_v2", "qa", 4.0, answer=text, start=start, end=end, score=-score, no_answer_score=score,
            threshold=0.0, candidates=(samples.Candidate("Ann", 0, 3, 5.0),),
        )  # fmt: skip
        one = {**views.prediction_payload(SQUAD, prediction, fields), "title": "qa"}
        page.evaluate("(value) => view.update(value)", views.answers_payload("qa", SQUAD, fields, [one]))
    assert page.locator(".mlm-side-name").all_inner_texts() == ["Before, question", "After, question"]
    rows = [row.split("\t") for row in page.locator(".mlm-change tbody tr").all_inner_texts()]
    assert rows == [["answer", "Ann", "No answer in this text", ""], ["no-answer score", "−2.0", "3.0", "+5.0"]]


def test_the_tries_are_a_table_and_can_be_taken_up_again(page, answers):
    for text, positive in (("One.", 0.9), ("Two.", 0.1), ("<img src=x onerror=document.title='owned'>", 0.6)):
        answers(text, lane(positive))
    page.get_by_text("Tries so far").first.click()
    page.get_by_role("button", name="One.").click()
    assert page.evaluate("picked") == [{"texts": ["One."]}]
    assert page.locator(".mlm-tall tbody tr").count() == 3
    assert page.locator("img").count() == 0 and page.title() != "owned"


def test_each_skill_has_tries_of_its_own(page, answers):
    for text in ("One.", "Two."):
        answers(text, lane(0.9))
    page.get_by_text("Tries so far").first.click()
    answers("Three.", lane(0.9), skill="nli")
    assert page.get_by_text("Tries so far").first.is_hidden()
    assert page.locator(".mlm-change").count() == 0
    answers("Four.", lane(0.9))
    assert page.locator(".mlm-tall tbody th, .mlm-tall tbody td:first-child").all_inner_texts() == [
        "Four.",
        "Two.",
        "One.",
    ]


def test_an_answer_is_said_to_a_screen_reader(page, answers):
    said = page.get_by_role("status")
    first = {**lane(0.2), "skill": "sentiment"}
    page.evaluate("(value) => view.update(value)", first)
    assert said.inner_text() == "", "what stands there at first was not asked for"
    answers("Fine.", lane(0.9), lane(0.3, "my run"))
    assert said.inner_text() == "the skill: positive, 90.0 %. my run: negative, 70.0 %"
    page.evaluate("(value) => view.update(value)", first)
    assert said.inner_text() == "", "the answer to another question is no longer said"


def test_the_threshold_decides_at_once(page, load):
    fields = {"question": samples.QUESTION, "context": samples.CONTEXT}
    load(page, views.show(samples.span_prediction(), fields=fields).html)
    slider = page.get_by_role("slider", name="No-answer threshold")
    assert page.locator(".mlm-answer").inner_text() == "pollen from the willows"
    slider.press("Home")  # -10, below the score of -8.2
    assert page.locator(".mlm-answer").inner_text() == "No answer in this text"
    assert page.get_by_text("No-answer score −8.2 is above the threshold −10.0: no answer is given.").is_visible()
    for _ in range(20):
        slider.press("ArrowRight")
    assert page.locator(".mlm-answer").inner_text() == "pollen from the willows"
    assert json.loads(page.locator("#value").inner_text())["decision"]["score"] == -8.2


def test_the_card_is_one_click_away(page, answers):
    html = "<b>Not good at</b> irony\n\n<img src=x onerror=document.title='broken'>"
    table, items, code = "| a | b |\n|---|---|\n| 1 | <u> |", "- one\n- two", "```sh\npip install\n```"
    text = "\n\n".join((f"# An *own* `name` <i>\n{html}", table, items, code))
    answers("Fine.", lane(0.9, card=text))
    page.get_by_text("Model card").click()
    page.locator(".mlm-card-text").wait_for()
    card = page.locator(".mlm-card-text")
    assert card.locator("h3").inner_text() == "An own name <i>" and card.locator("h3 code").inner_text() == "name"
    assert "<b>Not good at</b> irony" in card.inner_text() and page.title() != "broken"
    assert card.locator("th, td").all_inner_texts() == ["a", "b", "1", "<u>"]
    assert card.locator("li").all_inner_texts() == ["one", "two"]
    assert card.locator("pre").inner_text() == "pip install"
    assert card.locator("b, img, i, u").count() == 0
