"""The top of the page: the names of Gradio's own files that the first tab needs, links that hold below a path, and what
other sites show beside a link to the page.

Gradio's front end imports its modules in four steps, each after the one before has arrived and run. A browser that
reads the names in the page fetches all of them at once.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

from gradio.route_utils import BUILD_PATH_LIB, get_root_url
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..shipped import shipped

# Written by tests/browser/make_first_page.py for the pinned version of Gradio.
FIRST_PAGE = shipped("assets/first_page.json")
GRADIOS_FILES = Path(BUILD_PATH_LIB)
_BEFORE = b"<script"  # the first one comes after <base>, from which the addresses start
# Gradio names its manifest, and a browser looks for the icon, at the root of the server, which may be another's.
_ICON = '<link rel="icon" href="./favicon.ico">'
_AT_ROOT, _BESIDE_PAGE = b'href="/manifest.json"', b'href="./manifest.json"'
# Gradio's own cards advertise Gradio, with a picture from another host.
_GRADIOS_CARD = re.compile(rb'<meta\s+(?:property="og:|name="twitter:)[^>]*/>\s*')
_SAID = "Fine-tune a small language model, ask it, look inside its attention, and watch it being distilled."
_CARD = """<meta property="og:title" content="MiniLM Demo"><meta property="og:type" content="website">\
<meta property="og:description" content="{said}"><meta name="description" content="{said}">\
<meta property="og:image" content="{image}"><meta name="twitter:card" content="summary_large_image">"""
CARD = Route("/card.png", lambda request: FileResponse(shipped("assets/card.png")))


def first_modules() -> list[str]:
    """Names of the JavaScript modules that a page needs until its tabs answer, as far as this Gradio has them."""
    names = json.loads(FIRST_PAGE.read_text(encoding="utf-8"))["modules"]
    return [name for name in names if (GRADIOS_FILES / name).is_file()]


def _card(scope: Scope) -> str:
    """What other sites show beside a link; the address of its picture has to be a whole one."""
    root = get_root_url(Request(scope), scope["path"], scope.get("root_path") or None)
    return _CARD.format(said=_SAID, image=html.escape(f"{root}/card.png"))


class PreloadedPage:
    """Middleware that adds to the page: the icon, a `modulepreload` for each of `first_modules()`, and the card."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        links = [f'<link rel="modulepreload" crossorigin href="./assets/{name}">' for name in first_modules()]
        self.links = "".join([_ICON, *links])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_page = scope["type"] == "http" and scope["path"].removeprefix(scope.get("root_path", "")) in ("", "/")
        if not is_page or scope["method"] != "GET":
            return await self.app(scope, receive, send)
        start, parts = {}, []

        async def take(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))
                if not message.get("more_body", False):
                    await finish()

        async def finish() -> None:
            content = _GRADIOS_CARD.sub(b"", b"".join(parts)).replace(_AT_ROOT, _BESIDE_PAGE)
            content = content.replace(_BEFORE, (self.links + _card(scope)).encode() + _BEFORE, 1)
            MutableHeaders(scope=start)["content-length"] = str(len(content))
            await send(start)
            await send({"type": "http.response.body", "body": content})

        await self.app(scope, receive, take)
