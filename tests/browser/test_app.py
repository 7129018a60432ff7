"""The app as a visitor meets it: `python app.py` in a process of its own, a real browser, the bundled weights."""

import re

import pytest
from running_app import running_app  # beside this file: pytest puts the folder of a conftest on the path


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """Address of a running app with an empty home."""
    with running_app(tmp_path_factory.mktemp("home")) as address:
        yield address


def open_app(open_page, address: str, **options):
    page = open_page(**options)
    page.goto(address)
    page.wait_for_function(  # the first look at the data has arrived
        "/rows to train on/.test(document.querySelector('#data-says textarea')?.value)", timeout=30_000
    )
    return page


def test_train_stop_reload_and_ask(app, open_page):
    """The main story: look at the data, train, watch the curve move, stop, come back by the address, ask the model."""
    page = open_app(open_page, app)
    assert "160 rows" in page.locator("#data-says textarea").input_value()
    page.click("#train")
    loss = page.locator("#run svg").first
    page.wait_for_function("document.querySelector('#run [data-status]')?.dataset.status === 'running'", timeout=60_000)
    page.wait_for_function("/step [3-9]|step \\d\\d/i.test(document.querySelector('#run').innerText)", timeout=120_000)
    before = loss.inner_html()
    page.wait_for_timeout(1500)
    assert loss.inner_html() != before  # the curve moves
    assert re.search(r"[?&]run=sst2-", page.url)

    page.get_by_role("button", name="Stop and keep the best").click()
    page.wait_for_function("document.querySelector('#run [data-status]').dataset.status === 'stopped'", timeout=60_000)
    result = page.locator("#run").inner_text()
    assert "not GLUE" in result and "always answering" in result

    page.reload()  # the run is in the address
    page.wait_for_function("document.querySelector('#run [data-status]')?.dataset.status === 'stopped'", timeout=30_000)
    other = open_page()  # another browser that only has the link
    other.goto(page.url)
    other.wait_for_selector("#ask-run:visible", timeout=30_000)
    other.click("#ask-run")
    other.wait_for_selector("#checkpoint input:checked", timeout=15_000)
    other.locator("#text1 textarea").fill("<img src=x onerror=document.title='broken'> I loved every minute of it.")
    other.click("#ask")
    other.wait_for_function(
        "/Answered by SST-2 run of/.test(document.querySelector('#answer').innerText)", timeout=60_000
    )
    assert "positive" in other.locator("#answer").inner_text()
    assert other.title() == "MiniLM Demo"
    with other.expect_download(timeout=60_000) as download:
        other.get_by_role("tab", name="Fine-tune").click()
        other.click("#download")
    assert download.value.suggested_filename.endswith(".zip")


def test_without_a_model_the_predict_tab_says_what_to_do(app, open_page):
    page = open_app(open_page, app)
    page.get_by_role("tab", name="Predict").click()
    page.get_by_label("Inference").check()
    page.wait_for_function("/Premise/.test(document.querySelector('#text1').innerText)", timeout=15_000)
    page.get_by_label(re.compile("Some of the students")).check()
    page.wait_for_function("document.querySelector('#text2 textarea').value.startsWith('All of the')", timeout=15_000)
    page.click("#ask")
    page.wait_for_function("/Train one in the Fine-tune tab/.test(document.querySelector('#answer').innerText)")


def test_an_unknown_run_in_the_address_is_said(app, open_page):
    page = open_page()
    page.goto(app + "?run=../../etc/passwd")
    page.wait_for_selector("text=There is no such run here", timeout=30_000)
    assert page.locator("#train").is_enabled()


def test_every_task_shows_its_rows(app, open_page):
    page = open_app(open_page, app)
    for title, column in (("STS-B", "sentence2"), ("SQuAD 2.0", "context"), ("MNLI", "hypothesis")):
        page.locator("#task label", has_text=title).click()
        page.wait_for_function(
            f"document.querySelector('#rows').innerText.toLowerCase().includes('{column}')", timeout=20_000
        )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_scrolls_in_one_direction_only(app, open_page, theme):
    page = open_app(open_page, f"{app}?__theme={theme}", viewport={"width": 390, "height": 844})
    widths = page.evaluate("[document.scrollingElement.scrollWidth, window.innerWidth]")
    assert widths[0] <= widths[1]
