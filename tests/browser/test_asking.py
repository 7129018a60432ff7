"""Asking on the Predict tab, in a real browser: what asks at once, and to which form an answer belongs."""

import json
import re
import time

import pytest

from minilm_demo.tasks import SKILLS

STALE = "#answer .mlm-stale"
PATIENCE = 120  # seconds: a bound for a slow machine, not an expectation


@pytest.fixture
def predict_page(app, open_page):
    page = open_page()
    page.goto(app)
    page.wait_for_selector("#checkpoint input:checked")
    page.get_by_text("Precomputed").wait_for()
    return page


def box(page, number=1):
    return page.locator(f"#text{number} textarea")


def answered(page, words: str) -> None:
    """Wait until the answer on screen begins with these words and belongs to the form."""
    page.wait_for_function(
        """(words) => !document.querySelector("#answer .mlm-stale")
          && document.querySelector("#answer .mlm-answer")?.innerText.startsWith(words)
          && document.querySelector("#answer").innerText.includes("Answered by")""",
        arg=words,
    )


class Held:
    """The page's questions to the models, which wait for `let_go`."""

    def __init__(self, page):
        self.page, self.waiting = page, []
        page.route("**/component_server/**", self._hold)

    def _hold(self, route):
        asks = json.loads(route.request.post_data or "{}").get("fn_name") == "ask_models"
        self.waiting.append(route) if asks else route.continue_()

    def wait_for(self, number: int) -> list:
        """So many questions, in the order in which they were asked."""
        end = time.monotonic() + PATIENCE
        while len(self.waiting) < number and time.monotonic() < end:
            self.page.wait_for_timeout(20)  # in which the page's requests come here
        return self.waiting

    def let_go(self):
        for route in self.wait_for(1):
            route.continue_()
        self.waiting = []


def test_enter_asks_and_shift_enter_begins_a_line(predict_page):
    page = predict_page
    assert page.get_by_text("Enter asks, Shift + Enter begins a new line.").first.is_visible()
    box(page).fill("A joy from the first minute.")
    box(page).press("Shift+Enter")
    assert box(page).input_value() == "A joy from the first minute.\n"
    assert page.locator(STALE).count() == 1
    box(page).press("Enter")
    answered(page, "positive")
    assert box(page).input_value() == "A joy from the first minute.\n"


def test_a_changed_text_or_model_greys_the_answer_and_says_so(predict_page):
    page = predict_page
    assert page.locator(STALE).count() == 0
    before = box(page).input_value()
    box(page).fill("Another text.")
    page.get_by_text("This answer belongs to an earlier text.").wait_for()
    assert page.locator(STALE).count() == 1
    box(page).fill(before)  # changed back: it is the answer again
    page.locator("#answer .mlm-earlier").wait_for(state="hidden")
    assert page.locator(STALE).count() == 0
    page.get_by_label("Sentiment skill").uncheck()
    page.get_by_text("This answer belongs to another choice of models.").wait_for()


@pytest.mark.parametrize("name", SKILLS)
def test_an_example_asks_and_has_its_right_answer_beside_it(predict_page, name):
    page, skill = predict_page, SKILLS[name]
    page.locator("#skill").get_by_label(skill.title, exact=True).check()
    page.get_by_text("Precomputed with the " + skill.title).wait_for()
    assert page.locator("#answer .mlm-expected").get_attribute("data-right") == "true", "the first is right"
    place = next(index for index, preset in enumerate(skill.presets) if preset.misleads)
    page.locator("#examples label").nth(place).click()
    page.get_by_text("This model falls for it: the right answer is").wait_for()
    assert box(page).input_value() == skill.presets[place].texts[0]
    box(page).fill("One of my own?")
    box(page).press("Enter")
    page.locator("#answer .mlm-expected").wait_for(state="detached")


def test_a_late_answer_does_not_land_under_another_text(predict_page):
    page = predict_page
    held = Held(page)
    box(page).fill("A dull, endless film.")
    box(page).press("Enter")
    page.wait_for_function("document.querySelector('#answer .mlm').getAttribute('aria-busy') === 'true'")
    page.get_by_text("The next one is on its way.").wait_for()
    box(page).fill("A joy.")
    page.get_by_text("Press Enter in the text to ask anew.").wait_for()
    with page.expect_response("**/component_server/**"):
        held.let_go()
    page.wait_for_function("document.querySelector('#answer .mlm').getAttribute('aria-busy') !== 'true'")
    assert "Precomputed" in page.locator("#answer").inner_text() and page.locator(STALE).count() == 1
    box(page).press("Enter")
    page.wait_for_function("document.querySelector('#answer .mlm').getAttribute('aria-busy') === 'true'")
    held.let_go()
    answered(page, "positive")


def test_a_second_question_does_not_wait_for_the_first(predict_page):
    """Both are on their way; whichever comes first, the answer to the second stands under it."""
    page = predict_page
    held = Held(page)
    for text in ("A dull, endless film.", "A joy."):
        box(page).fill(text)
        box(page).press("Enter")
    first, second = held.wait_for(2)
    second.continue_()
    answered(page, "positive")
    with page.expect_response("**/component_server/**"):
        first.continue_()
    page.wait_for_timeout(200)
    answered(page, "positive")


def test_a_late_answer_does_not_land_under_another_skill(predict_page):
    page = predict_page
    held = Held(page)
    box(page).fill("A dull, endless film.")
    box(page).press("Enter")
    page.wait_for_function("document.querySelector('#answer .mlm').getAttribute('aria-busy') === 'true'")
    page.locator("#skill").get_by_label("Inference", exact=True).check()
    page.get_by_text("Precomputed with the Inference").wait_for()
    with page.expect_response("**/component_server/**"):
        held.let_go()
    page.wait_for_timeout(200)
    assert "Precomputed with the Inference" in page.locator("#answer").inner_text()
    assert page.locator(STALE).count() == 0


def test_a_row_of_a_confusion_cell_and_a_try_ask(predict_page):
    page = predict_page
    page.get_by_text("Many texts at once").click()
    page.click("#rows-run")
    page.locator("#scored-rows .mlm-cell").first.click()
    row = page.locator("#scored-rows button.mlm-row").first
    said = row.locator(".mlm-row-said").inner_text()
    row.click()
    page.wait_for_function("!document.querySelector('#text1 textarea').value.startsWith('Not a single joke')")
    answered(page, re.search(r"Predicted\s+(\w+)", said)[1])
    box(page).fill("A joy.")
    box(page).press("Enter")
    answered(page, "positive")
    page.get_by_text("Tries so far").click()
    page.locator("#answer .mlm-tall button").nth(1).click()
    page.wait_for_function("document.querySelector('#text1 textarea').value !== 'A joy.'")
    answered(page, "")


def test_what_was_not_read_stands_beside_the_answer(predict_page):
    page = predict_page
    box(page).fill("A quiet film about a lake and its birds. " * 40)
    box(page).press("Enter")
    page.get_by_text(re.compile(r"Only the first 128 of \d\d\d tokens were read")).wait_for()
    box(page).fill("🤮🤮🤮")
    box(page).press("Enter")
    page.get_by_text("The model cannot read “🤮🤮🤮”").wait_for()
    assert page.locator("#answer .mlm-unsure").is_visible()
    assert page.get_by_text("No word of the text could be read").is_visible()


def test_the_picture_of_attention_belongs_to_its_text(app, open_page):
    page = open_page()
    page.goto(app)
    page.get_by_role("tab", name="Attention").click()
    page.get_by_text("Precomputed with the shipped inference skill").wait_for()
    text = page.locator("#attention-text1 textarea")
    text.fill("The door is open.")
    page.get_by_text("This picture belongs to an earlier text.").wait_for()
    text.press("Enter")
    page.locator("#attention").get_by_text("Traced in").wait_for()
    assert page.locator("#attention .mlm-stale").count() == 0


def test_predict_and_attention_read_as_many_tokens(predict_page):
    page, long = predict_page, "A quiet film about a lake and its birds. " * 40
    box(page).fill(long)
    box(page).press("Enter")
    said = page.get_by_text(re.compile(r"Only the first 128 of \d\d\d tokens were read")).first.inner_text()
    page.get_by_role("tab", name="Attention").click()
    page.get_by_text("Precomputed with the shipped inference skill").wait_for()
    page.locator("#attention-checkpoint").get_by_label("Sentiment skill").check()
    page.locator("#attention-text2 textarea").fill("")
    page.locator("#attention-text1 textarea").fill(long)
    page.locator("#attention-text1 textarea").press("Enter")
    page.locator("#attention").get_by_text("Traced in").wait_for()
    page.locator("#attention").get_by_text(said).wait_for()


def test_a_finished_run_is_asked_by_its_button_its_cells_and_its_mistakes(app, open_page):
    page = open_page()
    page.goto(app)
    page.get_by_role("tab", name="Fine-tune").click()
    page.locator("#advanced").get_by_text("Advanced").click()
    page.locator("#option-checkpoint .page-more").click()
    page.locator("#option-checkpoint").get_by_label("Sentiment skill").check()
    page.locator("#probe").get_by_text("Watch its attention").click()
    page.locator("#probe1 textarea").fill("The songs are lovely.")
    page.get_by_label("2 minutes").check()  # long enough to be stopped on a slow machine
    page.click("#train")
    page.wait_for_function("/step [2-9]|step \\d\\d/i.test(document.querySelector('#run').innerText)")
    page.get_by_role("button", name="Stop and keep").click()
    page.click("#ask-run")
    page.wait_for_function("document.querySelector('#text1 textarea')?.value === 'The songs are lovely.'")
    page.wait_for_function("document.querySelectorAll('#answer .mlm-lane h4').length === 2")
    titles = page.locator("#answer .mlm-lane h4").all_inner_texts()
    assert titles[0].startswith("SST-2 run of") and titles[1].startswith("Sentiment skill"), titles
    for cell in (True, False):
        page.get_by_role("tab", name="Fine-tune").click()
        if cell:
            page.locator("#run .mlm-cell").first.click()
        clicked = page.locator("#run button.mlm-row" if cell else "#run .mlm-ask-row").first
        text = clicked.locator(".mlm-row-text").inner_text() if cell else clicked.inner_text()
        clicked.click()
        page.wait_for_function("(text) => document.querySelector('#text1 textarea').value.trim() === text", arg=text)
        answered(page, "")
