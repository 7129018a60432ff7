"""The names of Gradio's modules at the top of the page."""

import json
import re
from importlib.metadata import version

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from minilm_demo.ui import preloading
from minilm_demo.ui.files import CompressedPage
from minilm_demo.ui.preloading import FIRST_PAGE, GRADIOS_FILES, PreloadedPage, first_modules

GRADIOS = '<meta property="og:title" content="Gradio" />\n<meta name="twitter:image"\n\tcontent="//elsewhere" />'
MANIFEST = '<link rel="manifest" href="/manifest.json">'
PAGE = f'<head><base href="./">{GRADIOS}<script>1</script><script>é</script>{MANIFEST}</head>'
SENT = PAGE.replace(GRADIOS, "").replace('"/manifest', '"./manifest')
CARD = re.compile('<meta property="og:title".*summary_large_image">')
ICON = '<link rel="icon" href="./favicon.ico">'
REMEDY = "run python tests/browser/make_first_page.py"


async def page(request):
    return HTMLResponse(PAGE, headers={"X-Kept": "yes"})


def client() -> TestClient:
    routes = [Route("/", page), Route("/other", page)]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(CompressedPage), Middleware(PreloadedPage)]))


def test_the_list_belongs_to_the_installed_gradio():
    first_page = json.loads(FIRST_PAGE.read_text(encoding="utf-8"))
    assert first_page["gradio"] == version("gradio"), REMEDY
    assert first_modules() == first_page["modules"], REMEDY
    assert len(set(first_modules())) == len(first_modules()) > 30


def test_the_page_names_the_modules_before_its_first_script():
    answer = client().get("/", headers={"Accept-Encoding": "gzip"})
    assert (answer.headers["content-encoding"], answer.headers["x-kept"]) == ("gzip", "yes")
    named = re.findall(r'<link rel="modulepreload" crossorigin href="./assets/([\w.-]+)">', answer.text)
    assert named == first_modules()
    assert re.sub(r'<link rel="(modulepreload|icon)"[^>]*>', "", CARD.sub("", answer.text)) == SENT
    first, last = answer.text.index("<link"), answer.text.rindex('rel="modulepreload"')
    assert answer.text.index("<base") < first < last < answer.text.index("<script>")


def test_another_address_and_a_question_for_the_headers_go_on_as_they_are():
    assert client().get("/other").text == PAGE
    answer = client().head("/")
    assert (answer.status_code, answer.text) == (200, "")


@pytest.mark.parametrize("modules", [[], ["gone-1234.js"]])
def test_a_module_that_this_gradio_has_not_is_not_named(modules, tmp_path, monkeypatch):
    file = tmp_path / "first_page.json"
    file.write_text(json.dumps({"gradio": "0", "modules": modules}), encoding="utf-8")
    monkeypatch.setattr(preloading, "FIRST_PAGE", file)
    assert CARD.sub("", client().get("/").text) == SENT.replace("<script>1", f"{ICON}<script>1")


def test_the_links_hold_below_a_path():
    head = client().get("/").text
    assert head.count(ICON) == 1
    assert 'href="./manifest.json"' in head and 'href="/' not in head


def test_gradios_page_has_the_link_that_is_put_right():
    page = (GRADIOS_FILES.parent / "index.html").read_text(encoding="utf-8")
    assert re.findall(r'(?:href|src)="/[^"]*"', page) == ['href="/manifest.json"']


def test_a_link_elsewhere_shows_our_card_by_its_whole_address():
    forwarded = {"X-Forwarded-Host": 'room.example"><script>', "X-Forwarded-Proto": "https"}
    for headers, origin in (({}, "http://testserver"), (forwarded, None)):
        text = client().get("/", headers=headers).text
        (card,) = CARD.findall(text)
        assert text.count("og:title") == 1 and "elsewhere" not in text
        assert text.count("<script>") == 2, "nothing of a header becomes markup"
        assert origin is None or f'<meta property="og:image" content="{origin}/card.png">' in card


def test_gradios_own_card_is_recognised_whole():
    page = (GRADIOS_FILES.parent / "index.html").read_bytes()
    assert len(preloading._GRADIOS_CARD.findall(page)) > 10
    rest = preloading._GRADIOS_CARD.sub(b"", page)
    assert b"og:" not in rest and b"twitter:" not in rest and b"viewport" in rest


def test_gradios_files_are_where_they_are_looked_for():
    assert (GRADIOS_FILES / first_modules()[0]).is_file()
