"""The distillation microscope in a real browser: its numbers against numpy's, pointing, choosing, keys, files."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import target_samples as samples
from scipy.special import softmax
from test_components import HARD_TO_READ, unfold  # beside this file

from minilm_demo import views
from minilm_demo.views.bundle import bundle
from minilm_demo.views.components import json_in_html

BADGE = {"kind": "proxy", "title": "proxy teacher", "about": "The student's own teacher was never published."}
TARGETS = samples.targets(far=(2, 2))
MANY = samples.targets("minilm_v2", heads=48, pair=False)


def page_of(targets=TARGETS, **options) -> str:
    payload = views.microscope_payload(targets, badge=BADGE, alone=True, **options)
    return views.standalone_html(views.MICROSCOPE, payload, "Microscope")


PAGES = {
    "a pair": page_of(),
    "the second recipe": page_of(MANY),
    "while it learned": page_of(frames=views.probed_frames(samples.probed(TARGETS))),
    "some heads while it learned": page_of(MANY, frames=views.probed_frames(samples.probed(MANY, heads=12))),
    "an overview": page_of(samples.targets(filler=140)),
    "nothing yet": views.standalone_html(views.MICROSCOPE, None, "Microscope"),
    "an error": views.standalone_html(views.MICROSCOPE, views.error_payload("There is no text."), "Microscope"),
}


# -- what it computes ----------------------------------------------------------------------------------------------

CALL = """([name, given]) => {
  const arrays = (value) => (value && value.float32 ? Float32Array.from(value.float32) : value);
  const plain = (value) => (ArrayBuffer.isView(value) ? Array.from(value) : value);
  const result = relations[name](...given.map(arrays));
  return name === "exactRow" ? {...result, shares: plain(result.shares)} : plain(result);
}"""


@pytest.fixture
def relations(page):
    """relations(name, *arguments): what relations[name] returns; numpy arrays arrive as Float32Array."""
    page.goto("about:blank")
    page.add_script_tag(content=bundle("microscope/relations.js", "relations"))

    def call(name, *arguments):
        given = [{"float32": one.ravel().tolist()} if isinstance(one, np.ndarray) else one for one in arguments]
        return page.evaluate(CALL, [name, given])

    return call


def test_the_numbers_are_those_of_numpy(relations):
    teacher, student = (scores["QK"] for scores in (TARGETS.teacher_scores, TARGETS.student_scores))
    exact = relations("exactRow", teacher[2, 2].tolist(), student[2, 2].tolist())
    assert exact["divergence"] == pytest.approx(TARGETS.divergence["QK"][2, 2], abs=1e-5)
    assert exact["shares"] == pytest.approx(views.distillation.shares(teacher[2, 2], student[2, 2]), abs=1e-5)
    assert exact["student"]["weights"] == pytest.approx(softmax(student[2, 2].astype(float)), abs=1e-6)

    p, q = TARGETS.teacher["QK"][2], TARGETS.student["QK"][2]
    assert relations("shares", p[2], q[2]) == pytest.approx(p[2] * np.log(p[2] / q[2]), abs=1e-5)
    assert relations("shares", np.array([0, 1.0]), np.array([1.0, 0]))[0] == 0
    assert relations("divergences", p, q) == pytest.approx(TARGETS.divergence["QK"][2], abs=1e-5)

    divergence = TARGETS.divergence["QK"]
    assert relations("byHead", divergence, 4) == pytest.approx(divergence.mean(axis=1), abs=1e-6)
    (first, *_) = relations("worst", divergence, 4, list(range(divergence.shape[1])), 3)
    assert (first["head"], first["token"]) == (2, 2)


# -- what it shows -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("scheme", "width"), [("light", 1180), ("dark", 1180), ("light", 390), ("dark", 390)])
def test_every_page_fits_its_window_and_can_be_read(open_page, load, scheme, width):
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    for name, html in PAGES.items():
        load(page, html)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.evaluate(HARD_TO_READ) == [], name


def option(page, number: int):
    return page.get_by_role("option", name=f"Head {number}:", exact=False)


def test_it_opens_on_the_head_that_is_farthest_away(page, load):
    load(page, PAGES["a pair"])
    assert page.locator("h3").first.inner_text() == "Attention, head 3 of 4"
    assert "proxy teacher" in page.locator(".mlm-badge-line").inner_text()
    assert page.locator(".mlm-map canvas:visible").count() >= 3
    assert option(page, 3).get_attribute("aria-selected") == "true"
    loss = TARGETS.losses["QK"]
    assert page.get_by_label(f"Attention{loss:.3f}").is_checked()
    assert f"{sum(TARGETS.losses.values()):.3f} nats, the sum (eq. 10)" in page.locator(".mlm-total").inner_text()


def test_where_a_run_kept_some_heads_all_numbers_are_of_those(page, load):
    load(page, PAGES["some heads while it learned"])
    assert page.get_by_text("Of 48 relation heads the first 12 are drawn here").is_visible()
    losses = [float(MANY.divergence[name][:12].mean()) for name in MANY.relations]
    assert [f"{loss:.3f}" for loss in losses] != [f"{MANY.losses[name]:.3f}" for name in MANY.relations]
    for loss in losses:
        assert page.locator(f"label:has-text('{loss:.3f}')").is_visible()
    assert f"{sum(losses):.3f} nats, the sum" in page.locator(".mlm-total").inner_text()
    assert f"relation {losses[0]:.3f}" in page.locator(".mlm-frames").inner_text()


def test_heads_and_relations_by_mouse_and_key(page, load):
    load(page, PAGES["a pair"])
    option(page, 1).click()
    assert page.locator("h3").first.inner_text() == "Attention, head 1 of 4"
    page.keyboard.press("ArrowRight")
    assert page.locator("h3").first.inner_text() == "Attention, head 2 of 4"
    assert option(page, 2).evaluate("(node) => node === document.activeElement")
    page.get_by_role("radio", name="Value relation").check()
    assert page.locator("h3").first.inner_text() == "Value relation, head 2 of 4"
    option(page, 2).press("Enter")
    page.keyboard.press("PageDown")
    assert page.locator("h3").first.inner_text() == "Value relation, head 3 of 4"
    page.keyboard.press("ArrowDown")
    assert "teacher" in page.locator("[aria-live]").last.inner_text()


def point_at(page, side: str, row: int, column: int, rows: int, columns: int):
    """The middle of a cell of one of the three maps."""
    page.locator(".mlm-scale-line").first.scroll_into_view_if_needed()
    box = page.locator(f".mlm-of-{side} .mlm-matrix-box canvas").bounding_box()
    x = box["x"] + (column + 0.5) * box["width"] / columns
    page.mouse.move(x, box["y"] + (row + 0.5) * box["height"] / rows)


def test_pointing_at_one_map_points_at_all_three(page, load):
    """Words: the, waiters, smile | nobody, smiled; rows and columns 0 to 4, special tokens hidden."""
    load(page, PAGES["a pair"])
    point_at(page, "teacher", 0, 2, 5, 5)
    p, q = TARGETS.teacher["QK"][2, 1, 4], TARGETS.student["QK"][2, 1, 4]
    sentence = page.locator(".mlm-sentence").inner_text()
    assert sentence.startswith(f"“the” → “smile”: teacher {p:.2f}, student {q:.2f}")
    assert [one.locator(".mlm-band").count() for one in page.locator(".mlm-map").all()] == [2, 2, 2]
    point_at(page, "difference", 4, 3, 5, 5)
    assert page.locator(".mlm-sentence").inner_text().startswith("“smiled” → “nobody”: teacher")


def open_part(page, name: str) -> None:
    """Unfold "formula" or "farthest"."""
    page.locator(f".mlm-{name} > summary").click()


def test_the_formula_has_the_numbers_of_the_cell(page, load):
    load(page, PAGES["a pair"])
    assert page.locator(".mlm-steps").is_hidden(), "a chosen cell opens it"
    point_at(page, "student", 0, 2, 5, 5)
    page.mouse.down()
    page.mouse.up()
    said = page.locator(".mlm-formula").inner_text()
    head, row, key = 2, 1, 4
    scores = [one["QK"][head, row] for one in (TARGETS.teacher_scores, TARGETS.student_scores)]
    weights = [softmax(one.astype(float)) for one in scores]
    minus = "−"
    for score, weight, size in zip(scores, weights, (16, 4), strict=True):
        product = f"{score[key] * size**0.5:.2f} / √{size} = {score[key]:.2f}".replace("-", minus)
        assert product in said
        exponential = np.exp(score[key] - score.max())
        assert f"{exponential:.3f} / {np.exp(score - score.max()).sum():.2f} = {weight[key]:.3f}" in said
    share = weights[0][key] * np.log(weights[0][key] / weights[1][key])
    p, q = weights[0][key], weights[1][key]
    assert f"{p:.3f} · ln({p:.3f} / {q:.3f}) = {share:+.3f}".replace("-", minus) in said
    assert f"KL(p ‖ q) = {TARGETS.divergence['QK'][head, row]:.3f} nats" in said
    assert f"Attention = {TARGETS.losses['QK']:.3f} nats" in said
    page.keyboard.press("Escape")
    page.locator(".mlm-small").first.press("Escape")
    assert page.locator(".mlm-formula").is_hidden()


def test_a_word_of_two_pieces_has_a_row_for_each(page, load):
    load(page, PAGES["a pair"])
    assert "“wait” of “waiters”" in page.locator(".mlm-formula h3").inner_text()
    open_part(page, "formula")
    page.get_by_role("button", name="##ers").first.click()
    assert "“##ers” of “waiters”" in page.locator(".mlm-formula h3").inner_text()
    page.get_by_role("radio", name="Pieces").check()
    names = page.locator(".mlm-of-teacher .mlm-names text").all_text_contents()
    assert "##ers" in names
    assert "[SEP]" not in names
    page.get_by_label("Hide [CLS]").uncheck()
    assert "[SEP]" in page.locator(".mlm-of-teacher .mlm-names text").all_text_contents()


def test_the_worst_rows_in_words(page, load):
    load(page, PAGES["a pair"])
    option(page, 1).click()
    open_part(page, "farthest")
    first = page.locator(".mlm-worst-row").first
    assert first.inner_text().startswith("“wait” of “waiters” (head 3): the student looks")
    first.click()
    assert page.locator("h3").first.inner_text() == "Attention, head 3 of 4"
    assert page.locator(".mlm-steps").is_visible()
    page.get_by_role("radio", name="Value relation").check()
    assert "the student puts" in page.locator(".mlm-worst-row").first.inner_text()


def test_the_row_can_be_sorted_and_its_keys_chosen(page, load):
    load(page, PAGES["a pair"])
    row = page.locator(".mlm-row")
    open_part(page, "formula")
    row.get_by_role("button", name="All").click()
    row.get_by_role("button", name="Teacher, p").click()
    shown = [float(text) for text in row.locator("tbody tr td:nth-child(2) .mlm-number").all_inner_texts()]
    assert shown == sorted(shown, reverse=True)
    row.get_by_role("button", name="nobody").click()
    assert page.locator(".mlm-formula h3").inner_text().endswith("“nobody”")
    assert row.locator(".mlm-chosen-line").inner_text().startswith("nobody")


def test_the_student_while_it_learned(page, load):
    load(page, PAGES["while it learned"])
    before = page.locator(".mlm-of-student canvas").first.evaluate("(canvas) => canvas.toDataURL()")
    slider = page.get_by_label("Step of the distillation")
    assert slider.get_attribute("aria-valuetext").startswith("Step 20 of 20: Attention")
    slider.press("Home")
    assert page.locator(".mlm-frame-words").inner_text().startswith("Step 0 of 20: Attention")
    assert page.locator(".mlm-of-student canvas").first.evaluate("(canvas) => canvas.toDataURL()") != before
    open_part(page, "formula")
    assert "kept for the last step only" in page.locator(".mlm-formula").inner_text()
    page.get_by_role("button", name="Play").click()
    page.get_by_text("Step 20 of 20").wait_for()
    page.get_by_role("button", name="Play").wait_for()


def test_what_can_be_saved(page, load):
    load(page, PAGES["a pair"])
    unfold(page, "As a table")
    table = page.get_by_role("region", name="The cells as a table")
    assert table.locator("tbody tr").count() == 25
    page.get_by_text("Save", exact=True).click()
    assert page.get_by_role("button", name="All heads (NPZ)").is_hidden(), "there is no server"
    with page.expect_download() as download:
        page.get_by_role("button", name="This head (CSV)").click()
    assert download.value.suggested_filename == "microscope-QK-head-3.csv"
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8"))))
    assert float(rows[2]["teacher"]) == pytest.approx(TARGETS.teacher["QK"][2, 1, 4], abs=0.005)
    p, q = float(rows[2]["teacher"]), float(rows[2]["student"])
    assert float(rows[2]["difference"]) == pytest.approx(q - p, abs=2e-5)
    for name, start in (("Picture (PNG)", b"\x89PNG"), ("Picture (SVG)", b"<svg")):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        assert Path(download.value.path()).read_bytes().startswith(start)


# -- with a server -------------------------------------------------------------------------------------------------

SERVED = """<!doctype html><html><head><meta charset="utf-8"><style>%s</style></head><body><main><div class="box"></div>
</main><script type="application/json" id="value">%s</script><script type="application/json" id="answers">%s</script>
<script>%s
const answers = JSON.parse(document.getElementById("answers").textContent);
window.asked = [];
const answer = (name) => async ({ teacher, ...what }) => {
  window.asked.push([name, what]);
  return teacher === "bundled" ? answers[name] : { error: "another picture" };
};
microscope.mount(document.querySelector(".box"), JSON.parse(document.getElementById("value").textContent),
  {look: answer("look"), head: answer("head"), row: answer("row"), file: answer("file")});
</script></body></html>"""


def served(targets, **answers) -> str:
    value = views.microscope_payload(targets, asked={"teacher": "bundled"})
    parts = views.MICROSCOPE
    return SERVED % (parts.css, json_in_html(value), json_in_html(answers), parts.js)


def test_a_head_of_a_long_text_comes_from_the_server(page, load):
    targets = samples.targets(filler=80)
    html = served(
        targets,
        head=views.target_head_payload(targets, "QK", 2),
        row=views.target_row_payload(targets, "QK", 2, 2),
    )
    load(page, html)
    page.wait_for_function("!document.querySelector('.mlm-note').checkVisibility() || window.asked.length === 2")
    page.get_by_text("The formula with your numbers").wait_for()
    open_part(page, "formula")
    assert page.evaluate("window.asked[0]") == ["head", {"relation": "QK", "head": 2}]
    page.get_by_text("Score: q of").wait_for()
    assert f"KL(p ‖ q) = {targets.divergence['QK'][2, 2]:.3f} nats" in page.locator(".mlm-formula").inner_text()


def test_another_picture_is_asked_for_and_a_refusal_leaves_this_one(page, load):
    other = samples.targets(filler=3)
    load(page, served(TARGETS, look=views.microscope_payload(other)))
    ask = "(teacher) => document.querySelector('.mlm').dispatchEvent(new CustomEvent('ask', { detail: { teacher } }))"
    before = page.locator(".mlm-microscope").inner_text()
    page.evaluate(ask, "nobody")
    page.get_by_text("another picture").wait_for()
    assert before in page.locator(".mlm-microscope").inner_text()
    page.evaluate(ask, "bundled")
    page.get_by_text("another picture").wait_for(state="hidden")
    assert page.locator(".mlm-microscope").inner_text() != before


def test_what_the_server_cannot_answer_is_said(page, load):
    load(page, served(TARGETS, row={"error": "The run is gone."}, file={"error": "No file."}))
    option(page, 1).click()
    open_part(page, "formula")
    page.get_by_text("The run is gone.").wait_for()
    assert json.dumps(page.evaluate("window.asked")) == json.dumps([["row", {"relation": "QK", "head": 0, "token": 2}]])
    page.get_by_text("Save", exact=True).click()
    page.get_by_role("button", name="All heads (NPZ)").click()
    page.get_by_text("No file.").wait_for()
