"""What the page says: to a screen reader while it works, to a wrong address, and to a number out of range."""


def test_the_end_of_a_batch_is_said_in_words(app, open_page, tmp_path):
    (tmp_path / "reviews.csv").write_text("sentence\nA joy from start to end.\nA waste of time.\n", encoding="utf-8")
    for locale in ("en-GB", "de-DE"):
        page = open_page(locale=locale)
        page.goto(app)
        page.locator("#answer .mlm-lane").first.wait_for()
        page.evaluate(
            """() => {
              window.spoken = [];
              new MutationObserver(() => {
                for (const region of document.querySelectorAll("[aria-live], [role=status], [role=alert]"))
                  window.spoken.push(region.textContent.trim());
              }).observe(document.body, { childList: true, subtree: true, characterData: true });
            }"""
        )
        page.get_by_text("Many texts at once").click()
        page.locator("#csv-file input[type=file]").set_input_files(tmp_path / "reviews.csv")
        page.locator("#csv-file").get_by_text("reviews").first.wait_for()
        page.click("#csv-run")
        page.get_by_text("2 rows answered by").wait_for()
        page.wait_for_function("window.spoken.some((text) => text.includes('Done'))")
        spoken = page.evaluate("[...new Set(window.spoken)]")
        assert [text for text in spoken if "common." in text] == []
        page.close()


def test_an_address_with_a_run_that_is_not_there_says_so(app, open_page):
    page = open_page()
    page.goto(f"{app}?run=nonsense")
    page.get_by_text("There is no such run here.").first.wait_for()
    page.close()


def test_a_number_out_of_range_is_refused_by_the_name_of_its_box(app, open_page):
    page = open_page()
    page.goto(app)
    page.get_by_role("tab", name="Fine-tune").click()
    page.locator("#advanced button").first.click()
    page.wait_for_timeout(2000)  # Gradio writes the first value into a box that has just come onto the page
    rate = page.locator("#option-learning_rate")
    rate.locator("input").fill("9")
    page.locator("#option-method").get_by_label("Output layer").check()
    rate.get_by_text("the task's own, 0.002").wait_for()  # twenty times that of all weights
    assert rate.locator("input").input_value() == "9"
    page.click("#train")
    page.get_by_text("“Learning rate” is 9; it can be from 0.0000001 to 1, or 0 for the task's own.").first.wait_for()
    assert "run=" not in page.url
    page.close()
