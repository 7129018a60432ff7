"""The app as a visitor meets it: `python app.py` in a process of its own, a real browser, the bundled weights."""

import csv
import re
from pathlib import Path

import pytest

from minilm_demo.models.catalog import CATALOG
from minilm_demo.tasks import SKILLS


def open_app(open_page, address: str, **options):
    """The page, on the Fine-tune tab."""
    page = open_page(**options)
    page.goto(address)
    page.get_by_role("tab", name="Fine-tune").click()
    page.wait_for_function(  # the first look at the data has arrived
        "/rows to train on/.test(document.querySelector('#data-says textarea')?.value)"
    )
    return page


def test_train_stop_reload_and_ask(app, open_page):
    """The main story: look at the data, train, watch the curve move, stop, come back by the address, ask the model."""
    page = open_app(open_page, app)
    said = page.locator("#data-says textarea").input_value()
    assert re.match(r"[1-9]\d\d rows to train on: bundled sample", said)
    page.get_by_label("2 minutes").check()  # long enough to be stopped on a slow machine
    page.click("#train")
    loss = page.locator("#run svg").first
    page.wait_for_function("document.querySelector('#run [data-status]')?.dataset.status === 'running'")
    page.wait_for_function("/step [3-9]|step \\d\\d/i.test(document.querySelector('#run').innerText)")
    before = loss.inner_html()
    page.wait_for_function(  # the curve moves
        "(before) => document.querySelector('#run svg').innerHTML !== before", arg=before
    )
    assert re.search(r"[?&]run=sst2-", page.url)

    page.get_by_role("button", name="Stop and keep").click()
    page.wait_for_function("document.querySelector('#run [data-status]').dataset.status === 'stopped'")
    result = page.locator("#run").inner_text()
    assert "not GLUE" in result and "always answering" in result

    page.reload()  # the run is in the address
    page.wait_for_function("document.querySelector('#run [data-status]')?.dataset.status === 'stopped'")
    other = open_page()  # another browser that only has the link
    other.goto(page.url)
    other.wait_for_selector("#ask-run:visible")
    other.click("#curves-run")
    other.locator("#curves [data-drawn=learning-curves]").wait_for()
    other.click("#ask-run")
    other.locator("#answer").get_by_text("Answered by SST-2 run of").wait_for()  # it asks at once
    other.get_by_label("Sentiment skill").check()  # two lanes: the run and the shipped skill
    other.locator("#text1 textarea").fill("<img src=x onerror=document.title='broken'> I loved every minute of it.")
    other.click("#ask")
    other.wait_for_function("document.querySelectorAll('#answer .mlm-lane').length === 2")
    said = other.locator("#answer").inner_text()
    assert "Answered by SST-2 run of" in said and "Answered by Sentiment skill" in said
    assert "positive" in said
    assert other.title() == "MiniLM Demo"
    with other.expect_download() as download:
        other.get_by_role("tab", name="Fine-tune").click()
        other.click("#download")
    assert download.value.suggested_filename.endswith(".zip")


def open_predict(open_page, address: str, skill: str):
    """The page, on the Predict tab, with a skill chosen."""
    page = open_page()
    page.goto(address)
    page.wait_for_selector("#checkpoint input:checked")
    page.locator("#skill").get_by_label(skill, exact=True).check()
    page.wait_for_function(  # what belongs to the skill has arrived
        f"document.querySelector('#checkpoint')?.innerText.includes('{skill} skill')"
    )
    return page


QUESTIONS = {
    "sentiment": ("You will not regret", "positive"),
    "nli": ("A man is asleep", "contradiction"),
    "paraphrase": ("How can I learn to swim", "the same"),
    "qa": ("In what year", "1902"),
}


@pytest.mark.parametrize("name", [entry.name for entry in CATALOG.values() if entry.is_skill])
def test_a_skill_answers(app, open_page, name):
    """Something is there before the first click; a preset and the button give an answer of the model."""
    skill, (preset, answer) = SKILLS[name].title, QUESTIONS[name]
    page = open_predict(open_page, app, skill)
    page.get_by_text("Precomputed").wait_for()
    place = next(i for i, example in enumerate(SKILLS[name].presets) if example.texts[0].startswith(preset))
    page.locator("#examples label").nth(place).click()
    page.wait_for_function(f"[...document.querySelectorAll('#text1 textarea')][0].value.startsWith('{preset}')")
    page.click("#ask")
    page.get_by_text(f"Answered by {skill} skill").wait_for()
    assert page.locator(".mlm-answer").inner_text().startswith(answer)
    page.locator("#answer").get_by_text("Model card").click()
    assert "Not good at" in page.locator(".mlm-card-text").inner_text()
    page.locator("#answer").get_by_text("Code", exact=True).click()
    assert "predict(" in page.locator('#answer [aria-label="Python"]').inner_text()


def test_which_words_mattered(app, open_page):
    page = open_predict(open_page, app, "Sentiment")
    page.click("#importance-ask")
    page.get_by_text("Leave-one-out puts").wait_for()
    assert "Neither is the whole truth" in page.locator("#importance").inner_text()


def test_a_file_comes_back_with_answers(app, open_page, tmp_path):
    page = open_predict(open_page, app, "Sentiment")
    page.get_by_text("Many texts at once").click()
    (tmp_path / "mine.csv").write_text('id,review\n7,"A joy, and short."\n8,Dull.\n', encoding="utf-8")
    page.set_input_files("#csv-file input[type=file]", tmp_path / "mine.csv")
    page.locator("#csv-file").get_by_text("mine").first.wait_for()
    page.click("#csv-run")
    page.locator("#csv-out").wait_for()
    with page.expect_download() as download:
        page.click("#csv-out")
    with Path(download.value.path()).open(newline="", encoding="utf-8-sig") as file:
        written = list(csv.DictReader(file))
    assert [(row["id"], row["review"], row["prediction"]) for row in written] == [
        ("7", "A joy, and short.", "positive"),
        ("8", "Dull.", "negative"),
    ]


def test_another_file_ends_the_answers_to_the_first(app, open_page, tmp_path):
    page = open_predict(open_page, app, "Question answering")
    page.get_by_text("Many texts at once").click()
    long = "The bees collect pollen from the willows behind the school. " * 15
    with (tmp_path / "long.csv").open("w", encoding="utf-8") as file:
        file.write("question,context\n" + f"What do the bees collect?,{long}\n" * 1500)
    page.set_input_files("#csv-file input[type=file]", tmp_path / "long.csv")
    page.click("#csv-run")
    page.locator("#csv-says").get_by_text("processing").wait_for()
    page.locator("#csv-file").get_by_label("Clear").first.click()
    page.wait_for_function("document.querySelector('#csv-run').disabled")  # else the next click belongs to this file
    (tmp_path / "short.csv").write_text("question,context\nWho sang?,Anna sang.\n", encoding="utf-8")
    page.set_input_files("#csv-file input[type=file]", tmp_path / "short.csv")
    page.click("#csv-run")
    page.get_by_text("1 row answered by").wait_for()


def test_a_mistake_among_scored_rows_goes_into_the_box(app, open_page):
    page = open_predict(open_page, app, "Sentiment")
    page.get_by_text("Many texts at once").click()
    page.click("#rows-run")
    page.locator("#scored-rows .mlm-cell").first.wait_for()
    page.locator("#scored-rows .mlm-cell").first.click()
    page.locator("#scored-rows button.mlm-row").first.click()
    page.wait_for_function("!document.querySelector('#text1 textarea').value.startsWith('Not a single joke')")


def test_an_unknown_run_in_the_address_is_said(app, open_page):
    page = open_page()
    page.goto(app + "?run=../../etc/passwd")
    page.wait_for_selector("text=There is no such run here")
    assert page.locator("#ask").is_enabled()


def test_every_task_shows_its_rows(app, open_page):
    page = open_app(open_page, app)
    page.locator("#task .page-more").click()
    for title, column in (("STS-B", "sentence2"), ("SQuAD 2.0", "context"), ("MNLI", "hypothesis")):
        page.locator("#task label", has_text=title).click()
        page.wait_for_function(f"document.querySelector('#rows').innerText.toLowerCase().includes('{column}')")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_scrolls_in_one_direction_only(app, open_page, theme):
    page = open_app(open_page, f"{app}?__theme={theme}", viewport={"width": 390, "height": 844})
    widths = page.evaluate("[document.scrollingElement.scrollWidth, window.innerWidth]")
    assert widths[0] <= widths[1]


def open_attention(open_page, address: str, **options):
    page = open_page(**options)
    page.goto(address)
    page.get_by_role("tab", name="Attention").click()
    page.get_by_text("Precomputed with the shipped inference skill").wait_for()
    return page


def test_look_inside_mask_a_word_and_compare(app, open_page):
    """The first picture is there before a model; then a text of one's own, a word masked, another model beside."""
    page = open_attention(open_page, app)
    explorer = page.locator("#attention")
    assert "Nobody" in explorer.inner_text()
    page.locator("#attention-text1 textarea").fill(
        "The <img src=x onerror=document.title='broken'> door ${document.title}."
    )
    page.locator("#attention-text2 textarea").fill("The door is not open.")
    page.click("#attention-trace")
    explorer.get_by_text("Traced in").wait_for()
    assert "${document.title}" in explorer.inner_text()
    assert explorer.locator("img").count() == 0 and page.title() == "MiniLM Demo"
    explorer.get_by_role("button", name=re.compile("^Mask “")).first.click()
    explorer.get_by_text("With the change").wait_for()
    page.get_by_text("Compare with another model").click()
    page.locator("#attention-compare .page-more").click()
    page.locator("#attention-compare").get_by_label("all-MiniLM-L6-v2").check()
    page.click("#attention-trace")
    explorer.get_by_text("all-MiniLM-L6-v2 (bundled)").first.wait_for()
    page.locator("#attention-text1 textarea").fill("  ")
    page.locator("#attention-text2 textarea").fill("")
    page.click("#attention-trace")
    page.get_by_text("There is no text").wait_for()


def test_teacher_beside_student(app, open_page):
    """The first picture is there before a model; then the other recipe, another head, its exact numbers."""
    page = open_page()
    page.goto(app)
    page.get_by_role("tab", name="Distil", exact=True).click()
    microscope = page.locator("#microscope")
    microscope.get_by_text("A recording: a student").wait_for()
    assert "Attention, head" in microscope.inner_text()
    page.locator("#microscope-recipe").get_by_label(re.compile("MiniLMv2")).check()
    page.locator("#microscope-text1 textarea").fill(
        "The <img src=x onerror=document.title='broken'> door ${document.title}."
    )
    page.click("#microscope-compare")
    microscope.get_by_text("Both models read it in").wait_for()
    assert "${document.title}" in microscope.inner_text()
    microscope.get_by_role("option", name="Head 5:").click()
    microscope.get_by_role("heading", name="Query relation, head 5 of 48").wait_for()
    microscope.get_by_text("The formula with your numbers").click()
    microscope.get_by_text("Score: q of").wait_for()
    page.locator("#microscope-text1 textarea").fill("  ")
    page.click("#microscope-compare")
    page.get_by_text("There is no text").wait_for()


def test_scripts_come_with_their_tab(app, open_page):
    page = open_page()
    fetched = []
    page.on("request", lambda request: fetched.append(request.url.rsplit("/", 1)[-1]))
    page.goto(app)
    page.get_by_text("Precomputed").wait_for()
    assert "answers.js" in fetched
    assert not {"attention.js", "microscope.js", "student.js", "run.js"} & set(fetched)
    page.get_by_role("tab", name="Attention").click()
    page.get_by_text("Precomputed with the shipped inference skill").wait_for()
    assert "attention.js" in fetched and "microscope.js" not in fetched
