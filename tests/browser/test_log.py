"""The server's log after the first visits, as the people who run the server read it."""

from running_app import running_app

VISITS = 2


def test_the_first_visits_leave_no_traceback_in_the_log(own_home, open_page):
    with running_app(own_home) as address:
        for _ in range(VISITS):
            page = open_page()
            page.goto(address)
            page.wait_for_selector("#checkpoint input:checked")  # the page has loaded what it asks the server for
            page.locator("#answer .mlm-lane").first.wait_for()
            page.locator("#text1 textarea").fill("A joy from start to end.")
            page.click("#ask")
            page.get_by_text("Answered by Sentiment skill").first.wait_for()
            for name in ("Fine-tune", "Attention", "Distil"):
                page.get_by_role("tab", name=name, exact=True).click()
                page.get_by_role("tab", name=name, exact=True, selected=True).wait_for()
            page.reload()  # a page is left while its event stream is open
            page.locator("#microscope .mlm-microscope").wait_for()
            page.close()
    log = (own_home / "log.txt").read_text(encoding="utf-8")
    assert "Running on local URL" in log
    assert [line for line in log.splitlines() if "Traceback" in line or "Exception ignored" in line] == []
