"""How a component comes onto the Gradio page: fetched when it is needed, from below the page's own address, and without
losing a value. The page here is made up: it runs what Gradio would run (`js_on_load`) as Gradio runs it."""

import json
from urllib.parse import urlsplit

import pytest
import view_samples as samples

from minilm_demo import views
from minilm_demo.tasks import TASKS
from minilm_demo.views.components import json_in_html

MNLI = TASKS["mnli"]
BELOW = "http://localhost/some/path/"  # the page's address; nothing listens there, the browser's requests are answered
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><base href="./"><title>Demo</title></head><body>
<div id="element">{template}</div>
<script type="application/json" id="given">{given}</script>
<script>
const given = JSON.parse(document.getElementById("given").textContent);
const element = document.getElementById("element");
const props = {{ value: given.value }};
const watched = [];
const send = (value) => {{ props.value = value; for (const call of watched) call(); }};
new Function("element", "trigger", "props", "server", "upload", "watch", given.code)(
  element, () => {{}}, props, {{}}, null, (name, call) => watched.push(call));
</script></body></html>
"""


def answers(premise: str) -> dict:
    lane = views.prediction_payload(MNLI, samples.nli_prediction(), {})
    fields = {"premise": premise, "hypothesis": "He is awake."}
    return views.answers_payload("nli", MNLI, fields, [lane | {"title": "NLI skill"}])


@pytest.fixture
def serve(page):
    """serve(component, value, held=…, files=…): open the made-up page. `held` requests wait until they are let go on;
    `files` answers instead of the server."""

    def open_one(component, value, held=(), files=None):
        waiting = []
        parts = views.gradio_parts(component)
        given = json_in_html({"value": value, "code": parts["js_on_load"]})

        def answer(route):
            name = urlsplit(route.request.url).path.rsplit("/", 1)[-1]
            if name in held:
                return waiting.append(route)
            return fulfil(route, name)

        def fulfil(route, name):
            if files and name in files:
                return route.fulfill(**files[name])
            media_type, text = views.served_file(name)
            return route.fulfill(body=text, content_type=media_type)

        def let_go():
            for route in waiting:
                fulfil(route, urlsplit(route.request.url).path.rsplit("/", 1)[-1])

        address = f"{BELOW}{views.ADDRESS}/{views.version()}/**"
        page.route(BELOW, lambda route: route.fulfill(body=PAGE.format(template=parts["html_template"], given=given)))
        page.route(address, answer)
        page.goto(BELOW, wait_until="domcontentloaded")  # a style that is held keeps "load" waiting
        return let_go

    return open_one


def test_values_that_come_before_the_script_are_drawn_after_it(page, serve):
    let_go = serve(views.ANSWERS, None, held=("answers.js",))
    page.evaluate("(values) => values.forEach(send)", [answers("A man sleeps."), answers("A man is asleep.")])
    assert page.locator(".mlm-lane").count() == 0
    let_go()
    page.get_by_text("What the change did").wait_for()  # both were drawn, in their order
    assert page.locator(".mlm-gone").first.inner_text() == "sleeps."


def test_nothing_is_drawn_before_its_style_is_there(page, serve):
    let_go = serve(views.ANSWERS, answers("A man sleeps."), held=("answers.css",))
    page.wait_for_timeout(300)
    assert page.locator(".mlm-lane").count() == 0
    let_go()
    page.locator(".mlm-lane").wait_for()
    assert page.evaluate("getComputedStyle(document.querySelector('.mlm')).containerType") == "inline-size"


def test_a_first_value_may_be_a_file(page, serve):
    value = {"kind": "later", "address": f"{views.ADDRESS}/{views.version()}/first.json"}
    file = {"body": json.dumps(answers("A man sleeps.")), "content_type": "application/json"}
    serve(views.ANSWERS, value, files={"first.json": file})
    page.locator(".mlm-lane").wait_for()


def test_the_page_can_wait_for_the_component(page, serve):
    serve(views.ANSWERS, None)
    page.evaluate("document.querySelector('.mlm').view.then((view) => view.update(given.value))")
    page.get_by_text("The answer will be here.").wait_for()


def test_a_script_that_does_not_come_is_said(page, serve):
    broken = {"body": "throw new Error", "content_type": "text/javascript"}
    serve(views.ANSWERS, None, files={"answers.js": broken})
    page.get_by_text("This part of the page could not be fetched. Please reload the page.").wait_for()


def test_the_style_of_a_component_holds_in_it_alone(page, serve):
    serve(views.ANSWERS, answers("A man sleeps."))
    page.locator(".mlm-lane").wait_for()
    outside = "const p = document.createElement('p'); p.className = 'mlm'; document.body.append(p); p"
    assert page.evaluate(f"(() => {{ {outside}; return getComputedStyle(p).containerType; }})()") == "normal"
