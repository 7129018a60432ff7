"""What the page fetches from this server besides Gradio's own files: the components' scripts and styles, compressed."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from pathlib import Path

import brotli
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from .. import views

# The address changes with every change of a file, so what a browser has stays right for ever.
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
_COMPRESS = {
    "br": lambda text: brotli.compress(text.encode(), mode=brotli.MODE_TEXT),
    "gzip": lambda text: gzip.compress(text.encode(), mtime=0),
    "identity": str.encode,
}
_PAGES = ("", "/", "/config")
_DOCUMENTS: dict[str, str] = {}  # name of a served file -> its JSON


def component_file(request: Request) -> Response:
    """`<component>.js` or `.css` of the current version, or a document; 404 for any other address."""
    if request.path_params["version"] != views.version():
        return PlainTextResponse("There is no such file here. Reload the page.", status_code=404)
    encoding = _accepted(request.headers.get("accept-encoding", ""))
    file = _compressed(request.path_params["name"], encoding)
    if file is None:
        return PlainTextResponse("There is no such file here.", status_code=404)
    media_type, content = file
    encoded = {} if encoding == "identity" else {"Content-Encoding": encoding}
    return Response(content, media_type=media_type, headers=_FOR_EVER | encoded)


# No slash within a name: what is neither a component nor a document has no address.
FILES = Route(f"/{views.ADDRESS}/{{version}}/{{name}}", component_file)


def later(file: Path) -> dict:
    """A value that stands for the JSON of a file: the page fetches it once the component comes onto the screen."""
    text = file.read_text(encoding="utf-8")
    name = f"{file.stem}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
    _DOCUMENTS[name] = text
    return {"kind": "later", "address": f"{views.ADDRESS}/{views.version()}/{name}"}


def _accepted(header: str) -> str:
    """The best encoding that a client says it takes: br, gzip, or identity."""
    parts = [part.replace(" ", "").split(";q=") for part in header.split(",")]
    taken = {part[0] for part in parts if len(part) == 1 or part[1].strip("0.")}
    return next((encoding for encoding in ("br", "gzip") if encoding in taken), "identity")


@cache
def _compressed(name: str, encoding: str) -> tuple[str, bytes] | None:
    """Media type and content; compressed once, at the first request."""
    document = _DOCUMENTS.get(name)
    file = ("application/json", document) if document else views.served_file(name)
    return file and (file[0], _COMPRESS[encoding](file[1]))


class CompressedPage:
    """Middleware that compresses the page itself and its configuration, which Gradio sends as they are.

    No other address passes through the compression, least of all an event stream."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.compressed = GZipMiddleware(app, minimum_size=1000, compresslevel=6)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_page = scope["type"] == "http" and scope["path"].removeprefix(scope.get("root_path", "")) in _PAGES
        await (self.compressed if is_page else self.app)(scope, receive, send)
