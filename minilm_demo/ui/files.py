"""What the page fetches: the components' scripts, styles and first values at addresses of their own; compression and
caching of these, of the page itself, and of Gradio's own files."""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import cache
from pathlib import Path

import brotli
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .. import views

# The address changes with every change of a file, so what a browser has stays right for ever.
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
_COMPRESS = {
    "br": lambda content: brotli.compress(content, mode=brotli.MODE_TEXT, quality=9),
    "gzip": lambda content: gzip.compress(content, mtime=0),
    "identity": bytes,
}
_ASSET = re.compile(r"/assets/[\w.-]+")  # one address for each file, or what is kept would have no bound
_PAGES = ("", "/", "/config")
_DOCUMENTS: dict[str, str] = {}  # name of a served file -> its JSON


def component_file(request: Request) -> Response:
    """`<component>.js` or `.css` of the current version, or a document; 404 for any other address."""
    if request.path_params["version"] != views.version():
        return PlainTextResponse("There is no such file here. Reload the page.", status_code=404)
    name, encoding = request.path_params["name"], _accepted(request.headers.get("accept-encoding", ""))
    file = _file(name)
    if file is None:
        return PlainTextResponse("There is no such file here.", status_code=404)
    return Response(_compressed(name, encoding), media_type=file[0], headers=_headers(encoding))


def plotly_file(request: Request) -> Response:
    """plotly.js, which a page asks for when its first figure comes onto the screen."""
    encoding = _accepted(request.headers.get("accept-encoding", ""))
    return Response(_compressed_plotly(encoding), media_type="text/javascript", headers=_headers(encoding))


# No slash within a name: what is neither a component nor a document has no address.
FILES = Route(f"/{views.ADDRESS}/{{version}}/{{name}}", component_file)
PLOTLY = Route(f"/{views.PLOTLY_ADDRESS}", plotly_file)


def _headers(encoding: str) -> dict[str, str]:
    return _FOR_EVER if encoding == "identity" else _FOR_EVER | {"Content-Encoding": encoding}


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


def _file(name: str) -> tuple[str, str] | None:
    """Media type and text; None if there is no such file."""
    document = _DOCUMENTS.get(name)
    return ("application/json", document) if document else views.served_file(name)


@cache
def _compressed(name: str, encoding: str) -> bytes:
    """The content of a file that there is; compressed once, at the first request."""
    return _COMPRESS[encoding](_file(name)[1].encode())


class KeptAssets:
    """Middleware that keeps Gradio's own scripts and styles compressed in memory: a visit asks for some eighty of them.

    Their names have a hash of their content, so a browser may keep them for ever, as it does ours."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.kept: dict[tuple[str, str], Response] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or scope["method"] != "GET" or not _ASSET.fullmatch(path):
            return await self.app(scope, receive, send)
        key = path, _accepted(Headers(scope=scope).get("accept-encoding", ""))
        if key not in self.kept:
            status, headers, content = await self._whole_file(scope, receive)
            if status != 200:
                return await Response(content, status, headers)(scope, receive, send)
            self.kept[key] = await run_in_threadpool(_encoded, content, headers["content-type"], key[1])
        return await self.kept[key](scope, receive, send)

    async def _whole_file(self, scope: Scope, receive: Receive) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and content as Gradio answers, whatever part or age of it the browser asked for."""
        start, parts = {}, []

        async def take(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        await self.app({**scope, "headers": [], "extensions": {}}, receive, take)
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return start["status"], headers, b"".join(parts)


def _encoded(content: bytes, media_type: str, encoding: str) -> Response:
    """Text compressed; a font or a picture is compressed already."""
    encoding = encoding if media_type.startswith(("text/", "application/javascript")) else "identity"
    return Response(_COMPRESS[encoding](content), media_type=media_type, headers=_headers(encoding))


@cache
def _compressed_plotly(encoding: str) -> bytes:
    """Compressed at the first request, in a tenth of a second; the best quality takes half a minute for 14 % less."""
    if encoding == "br":
        return brotli.compress(views.plotly_js(), mode=brotli.MODE_TEXT, quality=5)
    return gzip.compress(views.plotly_js(), 6, mtime=0) if encoding == "gzip" else views.plotly_js()


class CompressedPage:
    """Middleware that compresses the page itself and its configuration, which Gradio sends as they are.

    No other address passes through the compression, least of all an event stream."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.compressed = GZipMiddleware(app, minimum_size=1000, compresslevel=6)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_page = scope["type"] == "http" and scope["path"].removeprefix(scope.get("root_path", "")) in _PAGES
        await (self.compressed if is_page else self.app)(scope, receive, send)
