"""A table of one's own on the page: uploaded, looked at, trained on, asked, explained, looked into, and taken away."""

import zipfile

import pytest
from own_files import write_own_table


@pytest.mark.parametrize("name", ["topics", "stars"])
def test_from_the_upload_to_the_zip(app, open_page, tmp_path, name):
    page = open_page(viewport={"width": 1366, "height": 768})
    page.goto(f"{app}?at=finetune")
    page.locator("#task .page-more").click()
    page.locator("#task label", has_text="Your own").click()
    page.set_input_files("#file input[type=file]", write_own_table(tmp_path, name))
    said = {"topics": "taken as 3 classes: food 21, sport 21, transport 21", "stars": "taken as a number from 1 to 5"}
    shown = "(said) => document.querySelector('#data-says textarea')?.value.includes(said)"
    page.wait_for_function(shown, arg=said[name])
    page.locator("#time label", has_text="By epochs").click()
    page.locator("#advanced > button").click()
    page.locator("#option-epochs input").fill("1")
    page.click("#train")
    page.locator("#run [data-status=completed]").wait_for()

    with page.expect_download() as download:
        page.click("#download")
    assert any(one.endswith("config.json") for one in zipfile.ZipFile(download.value.path()).namelist())
    page.click("#ask-run")
    answer = page.locator("#answer")
    answer.get_by_text("Answered by Your own").wait_for()
    if name == "topics":  # a cell of the confusion asks, and so does a row of the cell
        page.get_by_role("tab", name="Fine-tune").click()
        page.locator("#run .mlm-cell").first.click()
        row = page.locator("#run button.mlm-row").first
        text = row.locator(".mlm-row-text").inner_text()
        row.click()
        page.wait_for_function("(text) => document.querySelector('#text1 textarea').value.trim() === text", arg=text)
        page.wait_for_function("!document.querySelector('#answer .mlm-stale, #answer [aria-busy=true]')")
        answer.get_by_text("Answered by Your own").wait_for()
        assert {"food", "sport", "transport"} <= set(answer.locator(".mlm-bars").inner_text().split())
    page.click("#importance-ask")
    page.get_by_text("Leave-one-out puts").wait_for()
    page.get_by_role("tab", name="Attention").click()
    page.locator("#attention-checkpoint label", has_text="Your own").click()
    page.click("#attention-trace")
    page.locator("#attention").get_by_text("Your own").first.wait_for()
