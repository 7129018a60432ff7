"""The top of the page: the names of Gradio's own files that the first tab needs, and links that hold below a path.

Gradio's front end imports its modules in four steps, each after the one before has arrived and run. A browser that
reads the names in the page fetches all of them at once.
"""

from __future__ import annotations

import json
from pathlib import Path

from gradio.route_utils import BUILD_PATH_LIB
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..shipped import shipped

# Written by tests/browser/make_first_page.py for the pinned version of Gradio.
FIRST_PAGE = shipped("assets/first_page.json")
GRADIOS_FILES = Path(BUILD_PATH_LIB)
_BEFORE = b"<script"  # the first one comes after <base>, from which the addresses start
# Gradio names its manifest, and a browser looks for the icon, at the root of the server, which may be another's.
_ICON = '<link rel="icon" href="./favicon.ico">'
_AT_ROOT, _BESIDE_PAGE = b'href="/manifest.json"', b'href="./manifest.json"'


def first_modules() -> list[str]:
    """Names of the JavaScript modules that a page needs until its tabs answer, as far as this Gradio has them."""
    names = json.loads(FIRST_PAGE.read_text(encoding="utf-8"))["modules"]
    return [name for name in names if (GRADIOS_FILES / name).is_file()]


class PreloadedPage:
    """Middleware that adds links to the page: the icon, and a `modulepreload` for each of `first_modules()`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        links = [f'<link rel="modulepreload" crossorigin href="./assets/{name}">' for name in first_modules()]
        self.links = "".join([_ICON, *links]).encode()

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
            content = b"".join(parts).replace(_AT_ROOT, _BESIDE_PAGE).replace(_BEFORE, self.links + _BEFORE, 1)
            MutableHeaders(scope=start)["content-length"] = str(len(content))
            await send(start)
            await send({"type": "http.response.body", "body": content})

        await self.app(scope, receive, take)
