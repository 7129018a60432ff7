"""The attention explorer in a real browser, without a server: hover, keep, keys, words, pairs, files, other traces."""

import json
import statistics
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import view_samples as samples
from test_components import HARD_TO_READ, unfold
from trace_samples import TOKENS, WORDS, explanation, learning, long_trace, made_up_trace, made_up_weights

from minilm_demo import views
from minilm_demo.attention_weights import merge_words, rollout, word_groups
from minilm_demo.results import WordSpan
from minilm_demo.views.components import json_in_html


def payload(trace=None, **options) -> dict:
    return views.attention_payload(trace or made_up_trace(), **{"alone": True, **options})


def alone(value) -> str:
    return views.standalone_html(views.ATTENTION, value, "Demo")


ASKED = {"texts": ["a", "b"], "checkpoint": "nli"}  # it comes back with every question
UNCHANGED = {"masked": [], "ablated": []}
SERVED = """<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,"><title>Demo</title>
<style>{css}</style><main><h1>Demo</h1><div class="mlm-attention"></div></main><script>
{js}
const asked = [];
const waiting = [];  // for another picture: answer(value), each
const answer = (name, value) => async ({{ texts, checkpoint, ...what }}) => {{
  asked.push([name, what]);
  if (window.refuse || checkpoint !== "nli" || texts.length !== 2) throw new Error("no");
  return value(what);
}};
const view = attention.mount(document.querySelector(".mlm-attention"), {value}, {{
  head: answer("head", () => ({{ weights: {head} }})),
  row: answer("row", ({{ token }}) => ({{ scores: {scores}.map((score, key) => (key === token ? null : score)) }})),
  file: answer("file", ({{ format }}) => ({{ name: "trace." + format, type: "text/plain", base64: btoa(format) }})),
  look: answer("look", () => new Promise((resolve) => waiting.push(resolve))),
}});
</script>"""


def served(value, head: str = "") -> str:
    """A page whose server remembers what it was asked."""
    return SERVED.format(
        css=views.ATTENTION.css,
        js=views.ATTENTION.js,
        value=json_in_html({**value, "asked": ASKED}),
        head=json.dumps(head),
        scores=json.dumps(list(range(value["size"]))),
    )


def title(page) -> str:
    return page.locator("h3").inner_text()


def sentence(page) -> str:
    return page.locator(".mlm-sentence").inner_text()


def thumb(page, layer: int, head: int):
    """A head of the grid, counted from 1 as on screen."""
    return page.get_by_role("gridcell", name=f"Layer {layer}, head {head}:")


def words(page, side: str):
    """The list of words that look ("from") or are looked at ("to")."""
    return page.locator(f".mlm-word-list.mlm-{side} [role=option]")


def numbers(page) -> list[str]:
    """What stands beside the words that are looked at."""
    return [number.inner_text() for number in page.locator(".mlm-word-list.mlm-to .mlm-token-number").all()]


def chosen(page) -> list[str]:
    return page.locator("[role=option][aria-selected=true] .mlm-token-text").all_inner_texts()


def depth(page) -> str:
    return page.locator(".mlm-attention").get_attribute("data-depth")


def rows_of_table(page) -> list[list[str]]:
    rows = page.locator(".mlm-folds .mlm-tall tbody tr").all()
    return [row.locator("td").all_inner_texts() for row in rows]


def open_all(page) -> None:
    """Every fold, and the folds that are made when one opens."""
    for _ in range(2):
        page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
        page.wait_for_timeout(50)


def focused(page) -> str:
    return page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.innerText")


# -- the first view ------------------------------------------------------------------------------------------------


def test_it_opens_on_the_head_that_crosses_with_its_strongest_word(page, load):
    load(page, alone(payload()))
    assert title(page) == "Layer 2 of 2, head 2 of 3"
    assert chosen(page) == ["nobody"]
    assert sentence(page) == "“nobody” → “unhappy”: 0.80, 4.8 times an even spread."
    live = page.locator(".mlm-attention > [aria-live]").last
    assert live.inner_text() == f"{title(page)}: {sentence(page)}"
    assert page.get_by_role("gridcell").count() == 3 * 4  # with the means of layers and heads
    assert page.get_by_text("contradiction").first.is_visible()
    assert page.evaluate("performance.getEntriesByName('mlm-attention-first-drawn').length") == 1
    assert painted(page, ".mlm-thumbs-canvas") > 3
    assert painted(page, ".mlm-lines canvas:last-child") > 3


def painted(page, canvas: str) -> int:
    """How many different colours a canvas has."""
    return page.locator(canvas).evaluate(
        "(canvas) => new Set(new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)"
        ".data.buffer)).size"
    )


def test_heads_say_what_they_do_and_the_finder_looks_for_a_kind(page, load):
    load(page, alone(payload()))
    assert thumb(page, 1, 1).get_attribute("aria-label") == "Layer 1, head 1: Previous token 1.00"
    assert thumb(page, 1, 1).inner_text() == "←"
    assert thumb(page, 2, 2).get_attribute("aria-label") == "Layer 2, head 2: Mixed"
    kind = page.get_by_role("button", name="Separator 1")
    kind.click()
    assert kind.get_attribute("aria-pressed") == "true"
    assert page.locator(".mlm-thumb.mlm-dim").count() == 3 * 4 - 1
    assert page.get_by_text("Threshold: 0.40.").is_visible()
    page.locator(".mlm-kind-about").get_by_role("button", name="Layer 2, head 3 1.00").click()
    assert title(page) == "Layer 2 of 2, head 3 of 3"
    assert page.locator(".mlm-kind-chip").inner_text() == "‖ Separator 1.00"
    kind.click()
    assert page.locator(".mlm-thumb.mlm-dim").count() == 0


@pytest.mark.parametrize(("scheme", "width"), [("light", 1180), ("dark", 390)])
def test_it_fits_its_window_and_can_be_read(open_page, load, scheme, width):
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    base = made_up_trace(attentions=np.full_like(made_up_weights(), 0.1))
    value = payload(before=base, before_title="base", explanation=explanation())
    for number, html in enumerate((alone(value), alone(payload(frames=learning())), served(payload(long_trace(90))))):
        load(page, html)
        open_all(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, number
        assert page.evaluate(HARD_TO_READ) == [], number


def test_dark_mode_draws_the_pictures_again(page, load):
    load(page, alone(payload()))
    corner = "document.querySelector('.mlm-thumbs-canvas').getContext('2d').getImageData(60, 50, 1, 1).data.join()"
    light = page.evaluate(corner)
    page.emulate_media(color_scheme="dark")
    dark = changed(page, corner, light)
    page.evaluate(
        "document.body.style.setProperty('--block-background-fill', 'white'); document.body.classList.add('x')"
    )
    changed(page, corner, dark)


def changed(page, expression: str, before):
    """The value of an expression once it is another one. The policy of a page alone forbids `wait_for_function`."""
    for _ in range(100):
        if (now := page.evaluate(expression)) != before:
            return now
        page.wait_for_timeout(50)
    pytest.fail(f"{expression} stayed {before}")


# -- pointing, keeping, going back ---------------------------------------------------------------------------------


def test_hovering_shows_a_row_or_a_column_and_leaves_no_trace(page, load):
    load(page, alone(payload()))
    page.keyboard.press("Escape")
    page.mouse.click(5, 5)
    assert sentence(page).startswith("Strongest: “a” → “unhappy”: 0.80")
    words(page, "from").nth(4).hover()
    assert sentence(page) == "“is” → “unhappy”: 0.80, 4.8 times an even spread."
    assert numbers(page) == ["", "", "0.80", "", "", ""]
    words(page, "to").nth(5).hover()
    assert sentence(page) == "None of its weight is on what is shown."
    words(page, "to").nth(2).hover()
    assert words(page, "from").nth(3).locator(".mlm-token-number").inner_text() == "0.80"
    page.mouse.move(5, 5)
    assert sentence(page).startswith("Strongest:")
    assert chosen(page) == []


def test_a_click_keeps_a_word_and_goes_deeper_until_escape(page, load):
    load(page, alone(payload()))
    assert depth(page) == "grid"
    words(page, "from").nth(4).click()
    assert (chosen(page), depth(page)) == (["is"], "row")
    page.mouse.move(5, 5)
    assert sentence(page).startswith("“is” → “unhappy”")
    words(page, "from").nth(4).click()
    assert (chosen(page), depth(page)) == ([], "head")
    words(page, "from").nth(1).click()
    page.locator(".mlm-axis").first.click()  # beside everything
    assert (chosen(page), depth(page)) == ([], "head")
    page.keyboard.press("Escape")
    assert depth(page) == "grid"


def test_several_words_look_together(page, load):
    load(page, alone(payload()))
    thumb(page, 1, 3).click()
    words(page, "from").nth(0).click()
    words(page, "from").nth(1).click(modifiers=["Control"])
    page.mouse.move(5, 5)
    assert chosen(page) == ["a", "man"]
    assert page.get_by_role("heading", name="“a”, “man” together look at (mean)").is_visible()
    assert numbers(page)[:3] == ["0.50", "0.50", ""]
    page.get_by_text("More settings").click()
    page.get_by_label("Select several words").check()
    words(page, "from").nth(2).click()
    assert chosen(page) == ["a", "man", "unhappy"]
    words(page, "from").nth(0).click()
    assert chosen(page) == ["man", "unhappy"]
    words(page, "to").nth(2).click()  # the other side begins anew
    assert chosen(page) == ["unhappy"]
    assert page.get_by_role("heading", name="Who looks at “unhappy”").is_visible()


def test_the_row_shows_the_softmax_with_its_real_numbers(page, load):
    load(page, alone(payload()))
    assert page.get_by_role("heading", name="From scores to weights: “nobody” looks at").is_visible()
    sheet = page.locator(".mlm-scores tbody tr")
    cells = [" ".join(row.inner_text().split()) for row in sheet.all()]
    assert cells[0] == "un −0.45 1.000 0.640"
    assert cells[1] == "[SEP] −1.61 0.313 0.200"
    assert cells[-1] == "Sum 1.563 1.000"
    words(page, "from").nth(2).click()  # a word of two pieces
    assert page.get_by_text("“unhappy” is made of pieces:").is_visible()
    page.get_by_role("button", name="##happy").click()
    assert page.get_by_role("heading", name="From scores to weights: “##happy” looks at").is_visible()
    thumb(page, 1, 1).click()
    assert page.get_by_text("The scores behind these weights need the app.").is_visible()


# -- what is shown -------------------------------------------------------------------------------------------------


def test_words_pieces_and_special_tokens(page, load):
    load(page, alone(payload()))
    assert words(page, "from").count() == 6
    assert page.get_by_text("Hide [CLS] and [SEP], which get 20 % here").is_visible()
    assert words(page, "to").nth(2).get_attribute("title") == "unhappy = un + ##happy"
    page.get_by_label("Pieces").check()
    assert words(page, "from").count() == 7
    assert sentence(page) == "“nobody” → “un”: 0.64, 4.5 times an even spread."
    page.get_by_label("Hide [CLS] and [SEP]").uncheck()
    assert words(page, "from").count() == 10
    assert words(page, "to").nth(5).locator(".mlm-token-number").inner_text() == "0.20"
    unfold(page, "As a table")
    assert ["[SEP] (1)", "un", "0.64", "6.4"] in rows_of_table(page)


def test_keeping_only_the_strongest(page, load):
    load(page, alone(payload()))
    page.get_by_label("Pieces").check()
    unfold(page, "As a table")
    assert len(rows_of_table(page)) == 14  # seven words give to two pieces each
    page.get_by_text("More settings").click()
    page.get_by_label("Keep the strongest").fill("75")
    assert page.get_by_text("75 % of each row").is_visible()
    assert {to for _, to, _, _ in rows_of_table(page)} == {"un"}


def test_lines_or_matrix_with_the_same_hands(page, load):
    load(page, alone(payload()))
    page.get_by_label("Matrix").check()
    assert page.locator(".mlm-lines").is_hidden()
    assert page.locator(".mlm-scale-line").inner_text().split("\n") == ["weight 0", "0.5 and more"]
    box = page.locator(".mlm-matrix-box canvas").bounding_box()
    cell = box["width"] / 6

    def at(row, column):
        return box["x"] + (column + 0.5) * cell, box["y"] + (row + 0.5) * cell

    page.mouse.move(*at(4, 2))
    assert sentence(page) == "“is” → “unhappy”: 0.80, 4.8 times an even spread."
    page.mouse.click(*at(1, 0))
    page.mouse.move(5, 5)
    assert sentence(page).startswith("“man” → “unhappy”")
    page.mouse.click(box["x"] - 20, at(5, 0)[1])  # a name stands for its row
    page.mouse.move(5, 5)
    assert sentence(page).startswith("“happy” → “unhappy”")
    page.mouse.click(at(0, 2)[0], box["y"] - 8)
    assert page.get_by_role("heading", name="Who looks at “unhappy”").is_visible()


def test_means_and_rollout_are_those_of_python(page, load):
    trace = made_up_trace()
    groups, _ = word_groups(trace)

    def of_nobody(weights):
        row = merge_words(weights, groups)[5, [1, 2, 3, 5, 6, 7]]
        return [f"{weight:.2f}" if weight >= 0.005 else "" for weight in row]

    load(page, alone(payload(trace)))
    page.get_by_role("gridcell", name="Layer 2 of 2, mean of its heads").click()
    assert title(page) == "Layer 2 of 2, mean of its heads"
    assert numbers(page) == of_nobody(trace.attentions[1].mean(axis=0))
    page.get_by_role("gridcell", name="Mean of all 6 heads").click()
    assert numbers(page) == of_nobody(trace.attentions.mean(axis=(0, 1)))
    page.get_by_role("button", name="Attention rollout").click()
    assert title(page) == "Attention rollout through all 2 layers"
    assert numbers(page) == of_nobody(rollout(trace.attentions))
    assert page.get_by_role("button", name="Switch this head off").count() == 0


def test_the_blocks_of_a_pair_filter_and_the_crossing_heads_are_a_click_away(page, load):
    load(page, alone(payload()))
    blocks = page.locator(".mlm-block").all_inner_texts()
    assert blocks == ["80 %", "0 %", "80 %", "0 %"]
    page.get_by_role("button", name="B to A: 80 %").click()
    assert words(page, "from").locator(".mlm-token-text").all_inner_texts() == ["nobody", "is", "happy"]
    assert words(page, "to").locator(".mlm-token-text").all_inner_texts() == ["a", "man", "unhappy"]
    page.get_by_role("button", name="Show all").click()
    assert words(page, "from").count() == 6
    page.locator(".mlm-pairs").get_by_role("button", name="Layer 2, head 1").click()
    assert title(page) == "Layer 2 of 2, head 1 of 3"


# -- other traces of the same tokens -------------------------------------------------------------------------------


def test_two_checkpoints_and_their_difference(page, load):
    base = made_up_trace(attentions=np.full_like(made_up_weights(), 0.1), prediction=None)
    load(page, alone(payload(before=base, before_title="base")))
    page.get_by_label("base").check()
    assert sentence(page) == "“nobody” → “unhappy”: 0.20, 1.2 times an even spread."
    page.get_by_label("Difference").check()
    assert sentence(page) == "“nobody” → “unhappy”: 0.60 more than in base."
    assert page.get_by_text("less than in base: −0.60").is_visible()
    words(page, "to").nth(0).hover()
    assert words(page, "from").nth(3).locator(".mlm-token-number").inner_text() == "−0.10"
    unfold(page, "As a table")
    assert rows_of_table(page)[0] == ["a", "unhappy", "+0.60"]


def test_attention_while_it_learns(page, load):
    load(page, alone(payload(frames=learning())))
    assert page.get_by_text("Step 20 of 20: ").is_visible()
    slider = page.get_by_label("Step of the training")
    slider.fill("0")
    assert sentence(page) == "“nobody” → “unhappy”: 0.20, 1.2 times an even spread."
    assert slider.get_attribute("aria-valuetext") == page.locator(".mlm-frame-words").inner_text()
    assert slider.get_attribute("aria-valuetext").startswith("Step 0 of 20: contradiction")
    assert page.locator(".mlm-frame-chart path.mlm-frame-curve").count() == 3
    page.get_by_role("button", name="Play").click()
    page.get_by_text("Step 20 of 20: ").wait_for()
    page.get_by_role("button", name="Play").wait_for()  # it ends by itself
    assert sentence(page).startswith("“nobody” → “unhappy”: 0.80")
    page.get_by_label("Difference").check()
    assert sentence(page) == "“nobody” → “unhappy”: 0.60 more than at step 0."


# -- what the server is asked for ----------------------------------------------------------------------------------


def test_masking_and_switching_off_ask_for_another_trace(page, load):
    load(page, served(payload(alone=False)))
    page.get_by_role("button", name="Mask “nobody”").click()
    assert page.evaluate("asked.at(-1)") == ["look", {"masked": [6], "ablated": []}]
    assert page.locator(".mlm-attention").get_attribute("aria-busy") == "true"
    masked = made_up_trace(masked_tokens=(6,), ablated_heads=((1, 1),))
    answer(page, payload(masked, before=made_up_trace(), before_title="no change", asked=ASKED))
    assert page.locator(".mlm-attention").get_attribute("aria-busy") is None
    assert page.locator(".mlm-masked").count() == 2
    assert page.get_by_label("With the change").is_checked()
    assert chosen(page) == ["nobody"]
    assert thumb(page, 2, 2).get_attribute("aria-label").endswith("switched off")
    page.get_by_role("button", name="Switch this head on again").click()
    assert page.evaluate("asked.at(-1)") == ["look", {"masked": [6], "ablated": []}]
    page.get_by_role("button", name="Masked: nobody").click()
    assert page.evaluate("asked.at(-1)") == ["look", {"masked": [], "ablated": [{"layer": 1, "head": 1}]}]
    page.get_by_role("button", name="Undo all").click()
    assert page.evaluate("asked.at(-1)") == ["look", UNCHANGED]


def answer(page, value: dict, question: int = -1) -> None:
    """What the server says to one of the questions for another picture; drawn when this returns."""
    page.evaluate("([value, place]) => waiting.at(place)(value)", [value, question])


def ask(page, **asked) -> None:
    """As a button of the page around the view does."""
    page.evaluate("(detail) => document.querySelector('.mlm').dispatchEvent(new CustomEvent('ask', { detail }))", asked)


def test_of_two_questions_the_last_one_counts_whichever_answer_comes_first(page, load):
    load(page, served(payload(alone=False)))
    ask(page, **ASKED, number=1)
    ask(page, **ASKED, number=2)
    assert [what["number"] for _, what in page.evaluate("asked")] == [1, 2]
    answer(page, payload(long_trace(20), asked=ASKED))
    assert page.get_by_role("gridcell").count() == 7 * 13
    answer(page, payload(asked=ASKED), question=0)
    assert page.get_by_role("gridcell").count() == 7 * 13
    ask(page, **ASKED)
    page.evaluate("(value) => view.update(value)", payload(asked=ASKED))
    assert page.locator(".mlm-attention").get_attribute("aria-busy") is None
    answer(page, payload(long_trace(20), asked=ASKED))
    assert page.get_by_role("gridcell").count() == 3 * 4, "what the page was given meanwhile stays"


def test_what_the_server_cannot_do_is_said_above_the_picture_that_stays(page, load):
    load(page, served(payload(alone=False)))
    ask(page, **ASKED)
    page.get_by_text("At work.").wait_for()
    answer(page, {"error": "There is no text."})
    assert page.get_by_text("There is no text.").is_visible()
    assert page.locator(".mlm-attention").get_attribute("aria-busy") is None
    assert title(page) == "Layer 2 of 2, head 2 of 3"
    page.evaluate("window.refuse = true")
    page.get_by_role("button", name="Mask “nobody”").click()
    page.get_by_text("The server does not answer;").wait_for()
    page.evaluate("window.refuse = false")
    page.get_by_role("button", name="Mask “nobody”").click()
    answer(page, payload(made_up_trace(masked_tokens=(6,)), asked=ASKED))
    assert page.locator(".mlm-why").is_hidden()


def test_raw_scores_come_when_a_person_goes_deeper(page, load):
    load(page, served(payload(alone=False)))
    assert page.evaluate("asked") == []  # the first view asks for nothing
    page.get_by_role("button", name="The scores behind them").click()
    page.locator(".mlm-scores").wait_for()
    assert page.evaluate("asked") == [["row", {**UNCHANGED, "layer": 1, "head": 1, "token": 6}]]
    assert page.get_by_role("row", name="[SEP] 9.00 1.000").is_visible()
    assert page.locator(".mlm-scores").get_by_text("9.00").count() == 1
    page.evaluate("window.refuse = true")
    thumb(page, 1, 1).click()
    page.get_by_text("The server does not answer;").wait_for()
    assert page.get_by_role("heading", name="“nobody” looks at").is_visible()


def test_is_attention_an_explanation(page, load):
    load(page, served(payload(alone=False)))
    unfold(page, "Is attention an explanation?")
    page.get_by_role("button", name="Compare it with two other methods").click()
    assert page.evaluate("asked") == [["look", {**UNCHANGED, "explained": True}]]
    answer(page, payload(explanation=explanation(), alone=False, asked=ASKED))
    assert page.locator(".mlm-method").count() == 3
    assert page.get_by_text("+0.71 (mostly)").is_visible()
    assert page.get_by_text("too few words").is_visible()
    assert page.locator(".mlm-method-word.mlm-not-tried").inner_text() == "nobody"
    page.get_by_role("button", name="Mask its top word, “unhappy”").first.click()
    assert page.evaluate("asked.at(-1)") == ["look", {"masked": [3, 4], "ablated": []}]


def test_an_explanation_leaves_what_was_recorded_while_it_learned(page, load):
    load(page, served(payload(frames=learning(), alone=False)))
    unfold(page, "Is attention an explanation?")
    page.get_by_role("button", name="Compare it with two other methods").click()
    answer(page, payload(explanation=explanation(), alone=False, asked=ASKED))
    assert page.locator(".mlm-method").count() == 3
    assert page.get_by_label("Step of the training").is_visible()
    answer(page, payload(alone=False, asked=ASKED))  # too late: nobody waits for it


def test_longer_inputs_have_an_overview_and_fetch_single_heads(page, load):
    trace = long_trace(90)
    load(page, served(payload(trace, alone=False), head=views.head_payload(trace.head(2, 5))["weights"]))
    page.wait_for_function("asked.length === 1")
    thumb(page, 3, 6).click()
    page.wait_for_function("asked.some(([name, { layer, head }]) => name === 'head' && layer === 2 && head === 5)")
    page.get_by_text("on its way").wait_for(state="hidden")
    assert page.get_by_text("Hide [CLS] and [SEP], which get ").is_visible()
    inside = trace.head(2, 5)[1:-1, 1:-1]
    row, column = np.unravel_index(inside.argmax(), inside.shape)
    page.keyboard.press("Escape")
    page.mouse.click(5, 5)
    assert sentence(page).startswith(f"Strongest: “w{row + 1}” → “w{column + 1}”: ")
    page.evaluate("window.refuse = true")
    thumb(page, 1, 1).click()
    page.get_by_text("The server does not answer;").wait_for()


def test_of_two_longer_traces_the_difference_comes_in_full_too(page, load):
    trace = long_trace(90)
    other = replace(trace, attentions=trace.attentions[::-1])
    value = payload(trace, before=other, before_title="base", alone=False)
    load(page, served(value, head=views.head_payload(trace.head(2, 5))["weights"]))
    page.get_by_label("Difference").check()
    assert page.get_by_text("less than in base: ").is_visible()
    page.wait_for_function("asked.filter(([name]) => name === 'head').length >= 2")
    page.get_by_text("on its way").wait_for(state="hidden")
    assert [what for _, what in page.evaluate("asked")][-1]["before"] is True
    page.get_by_role("radio", name="Words").wait_for()  # no longer cells


def test_a_longer_input_without_a_server_is_an_overview(page, load):
    load(page, alone(payload(long_trace(140))))
    assert page.get_by_text("32 cells of about 4 tokens each.").count() == 0  # the head it opens on is whole
    thumb(page, 1, 2).click()
    assert page.get_by_text("32 cells of about 4 tokens each. Single heads in full need the app.").is_visible()
    assert page.get_by_role("button", name="Attention rollout").count() == 0
    assert painted(page, ".mlm-matrix-box canvas") > 10


def test_what_a_person_chose_stays_and_ends_when_the_model_is_another(page, load):
    load(page, served(payload(alone=False)))
    thumb(page, 1, 1).click()
    page.get_by_label("Pieces").check()
    page.evaluate("(value) => view.update(value)", payload(alone=False))
    assert title(page) == "Layer 1 of 2, head 1 of 3"
    page.evaluate("(value) => view.update(value)", payload(long_trace(20), alone=False))
    assert page.get_by_role("gridcell").count() == 7 * 13
    assert page.get_by_label("Pieces").is_checked()
    assert page.locator(".mlm-pairs").is_hidden()
    page.evaluate("view.update({kind: 'error', sentence: 'There is no text.'})")
    assert page.get_by_text("There is no text.").is_visible()
    assert page.locator(".mlm-explorer").is_hidden()
    page.evaluate("view.destroy()")
    page.mouse.click(5, 5)


# -- files ---------------------------------------------------------------------------------------------------------


def saved(page, name: str) -> bytes:
    with page.expect_download() as download:
        page.get_by_role("button", name=name).click()
    page.get_by_text(f"{name}: saved.").wait_for()
    return Path(download.value.path()).read_bytes()


def test_picture_numbers_and_code_leave_the_page(page, load):
    load(page, served(payload()))
    page.get_by_text("Save", exact=True).click()
    svg = saved(page, "Picture (SVG)").decode()
    assert svg.startswith("<svg")
    assert "Layer 2 of 2, head 2 of 3" in svg and ">unhappy<" in svg
    assert svg.count("<path") == 6  # six words that look at one
    assert saved(page, "Picture (PNG)").startswith(b"\x89PNG")
    lines = saved(page, "This head (CSV)").decode().splitlines()
    assert lines[0] == "from_index,from,to_index,to,weight"
    assert len(lines) == 1 + 9 * 9
    assert '5,"nobody",3,"unhappy",0.80000' in lines
    assert saved(page, "All heads (NPZ)") == b"npz"
    assert saved(page, "This view as a page (HTML)") == b"html"
    page.get_by_label("Matrix").check()
    assert saved(page, "Picture (SVG)").decode().count("<rect") == 1 + 1 + 36 + 1  # ground, frame, cells, kept row
    page.evaluate("window.refuse = true")
    page.get_by_role("button", name="All heads (NPZ)").click()
    page.get_by_text("The server did not send the file.").wait_for()
    page.get_by_text("Code", exact=True).click()
    assert "trace_attention('nli', 'A man unhappy', 'Nobody is happy', task='mnli')" in page.locator("pre").inner_text()
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="press Ctrl and C").or_(page.get_by_role("button", name="Copied")).wait_for()


def test_the_table_sorts_by_place_and_by_weight(page, load):
    load(page, alone(payload()))
    thumb(page, 1, 3).click()
    page.get_by_label("Pieces").check()
    unfold(page, "As a table")
    assert page.get_by_text("The 7 largest of 49 weights.").is_visible()
    page.get_by_role("button", name="From", exact=True).click()
    assert [row[0] for row in rows_of_table(page)] == ["a", "man", "un", "##happy", "nobody", "is", "happy"]
    assert page.locator(".mlm-tall th").first.get_attribute("aria-sort") == "ascending"


# -- keys ----------------------------------------------------------------------------------------------------------


def test_arrows_move_through_the_heads_and_the_words(page, load):
    load(page, alone(payload()))
    page.keyboard.press("Tab")
    assert focused(page).startswith("Layer 2, head 2")
    page.keyboard.press("ArrowUp")
    assert title(page) == "Layer 1 of 2, head 2 of 3"
    page.keyboard.press("ArrowLeft")
    assert focused(page) == "Layer 1, head 1: Previous token 1.00"
    page.keyboard.press("PageDown")
    page.keyboard.press("End")
    assert title(page) == "Layer 2 of 2, mean of its heads"
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")  # deeper: to the word that is kept
    assert focused(page).startswith("nobody")
    page.keyboard.press("ArrowDown")
    assert sentence(page).startswith("“is” → “unhappy”")
    page.keyboard.press("PageUp")
    assert title(page) == "Layer 1 of 2, head 2 of 3"
    page.keyboard.press("PageDown")
    page.keyboard.press("Enter")
    assert (chosen(page), depth(page)) == (["is"], "row")
    page.keyboard.press("ArrowRight")
    assert focused(page).startswith("is")  # the same line of the other list
    page.keyboard.press("Escape")
    assert (chosen(page), depth(page)) == ([], "head")
    page.keyboard.press("Escape")
    assert depth(page) == "grid"
    assert focused(page).startswith("Layer 2, head 2")


def test_arrows_move_through_the_matrix(page, load):
    load(page, alone(payload()))
    page.get_by_label("Matrix").check()
    page.locator(".mlm-matrix-box").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert sentence(page).startswith("“is” → “unhappy”: 0.80")
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    assert sentence(page).startswith("“is” → “unhappy”")


def test_the_keyboard_alone_reaches_everything(page, load):
    load(page, served(payload(before=made_up_trace(), before_title="base", frames=learning())))
    open_all(page)
    stops = page.locator(
        "main :is(button, input:not([type=radio]), summary, [tabindex='0']), main input[type=radio]:checked"
    )
    expected = sum(stop.is_visible() and stop.is_enabled() for stop in stops.all())
    page.evaluate("document.activeElement.blur()")
    reached = set()
    for _ in range(expected + 1):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
    assert len(reached) >= expected


# -- accessibility, hostile texts, time ----------------------------------------------------------------------------


@pytest.mark.parametrize(("scheme", "width"), [("light", 1180), ("dark", 390)])
def test_axe_finds_nothing(open_page, load, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    value = payload(before=made_up_trace(), before_title="base", explanation=explanation(), frames=learning())
    load(page, served(value))

    # Which level of heading comes first in a component is for the page around it to say.
    rules = {"rules": {"heading-order": {"enabled": False}}}

    def violations():
        found = axe.run(page, options=rules).response["violations"]
        return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]

    assert violations() == []
    open_all(page)
    page.get_by_label("Matrix").check()
    page.get_by_role("button", name="Separator 1").click()
    page.wait_for_timeout(200)
    assert violations() == []


def test_hostile_tokens_stay_text(page, load):
    text = " ".join(samples.HOSTILE)
    hostile = [*samples.HOSTILE]
    trace = made_up_trace(
        checkpoint=text,
        texts=(text, text),
        words=tuple(WordSpan(segment, 0, 3, hostile[place]) for place, (_, segment) in enumerate(WORDS)),
        tokens=tuple(hostile[place - 1] if 0 < place < 5 else token for place, token in enumerate(TOKENS)),
        prediction=replace(samples.nli_prediction(), label=text, probabilities={text: 0.9, "neutral": 0.1}),
    )
    value = payload(trace, title=text, before=trace, before_title=text, notes=[text], alone=True)
    load(page, served(value))
    open_all(page)
    for name in ("Pieces", "Matrix"):
        page.get_by_label(name).check()
        page.mouse.move(600, 500)
    shown = page.locator("main").inner_text()
    for token in hostile:
        assert token in shown
    svg = saved(page, "Picture (SVG)").decode()
    assert "<img" not in svg and "<script" not in svg
    assert "שלום עולם" in svg
    saved(page, "This head (CSV)")
    assert page.locator("img").count() == 0
    assert page.locator("main script").count() == 0
    assert page.title() == "Demo"


@pytest.mark.parametrize("size", [16, 64, 128])
def test_it_reacts_within_a_frame(page, load, size):
    """Prints the medians; how fast a machine is, is no property of the code."""
    load(page, alone(payload(long_trace(size))))
    page.evaluate(REACT)
    durations = "(name) => performance.getEntriesByName('mlm-attention-' + name).map((entry) => entry.duration)"
    times = {name: statistics.median(page.evaluate(durations, name)) for name in ("hover", "switch")}
    print(json.dumps({"tokens": size, **{f"{name}_ms": round(value, 2) for name, value in times.items()}}))
    assert all(value > 0 for value in times.values())


REACT = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  const cells = [...document.querySelectorAll("[role=gridcell]")];
  for (let turn = 0; turn < 20; turn++) { cells[(7 * turn) % cells.length].click(); await frame(); }
  const words = [...document.querySelectorAll(".mlm-from [role=option]")].filter((word) => word.checkVisibility());
  const box = document.querySelector(".mlm-matrix-box");
  const { left, top } = box.querySelector("canvas").getBoundingClientRect();
  for (let turn = 0; turn < 20; turn++) {
    if (words.length) words[turn % words.length].dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    else box.dispatchEvent(new PointerEvent("pointermove", { clientX: left + 17 * turn, clientY: top + 11 * turn }));
    await frame();
  }
}"""
