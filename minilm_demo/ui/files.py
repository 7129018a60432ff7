"""The files that the page fetches: the components' scripts, styles and first values, and plotly.js.

They are compressed and cached, as are the page itself and Gradio's own files (middleware)."""

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

# The address has a hash of the content, so a browser's copy is never stale.
_IMMUTABLE = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
_COMPRESS = {
    "br": lambda content: brotli.compress(content, mode=brotli.MODE_TEXT, quality=9),
    "gzip": lambda content: gzip.compress(content, mtime=0),
    "identity": bytes,
}
_ASSET = re.compile(r"/assets/[\w.-]+")  # one address for each file, so that the cache is bounded
_PAGES = ("", "/", "/config")
_DOCUMENTS: dict[str, str] = {}  # name of a served file -> its JSON


def component_file(request: Request) -> Response:
    """`<component>.js` or `.css` of the current version, or a JSON document; 404 for any other address."""
    if request.path_params["version"] != views.version():
        return PlainTextResponse("There is no such file here. Reload the page.", status_code=404)
    name, encoding = request.path_params["name"], _best_encoding(request.headers.get("accept-encoding", ""))
    file = _file(name)
    if file is None:
        return PlainTextResponse("There is no such file here.", status_code=404)
    return Response(_compressed(name, encoding), media_type=file[0], headers=_headers(encoding))


def plotly_file(request: Request) -> Response:
    """plotly.js, which a page fetches when its first figure comes onto the screen."""
    encoding = _best_encoding(request.headers.get("accept-encoding", ""))
    return Response(_compressed_plotly(encoding), media_type="text/javascript", headers=_headers(encoding))


# A name has no slash.
FILES = Route(f"/{views.ADDRESS}/{{version}}/{{name}}", component_file)
PLOTLY = Route(f"/{views.PLOTLY_ADDRESS}", plotly_file)


def _headers(encoding: str) -> dict[str, str]:
    return _IMMUTABLE if encoding == "identity" else _IMMUTABLE | {"Content-Encoding": encoding}


def later(file: Path) -> dict:
    """A value with the address of a JSON file, which the page fetches once the component comes onto the screen."""
    text = file.read_text(encoding="utf-8")
    name = f"{file.stem}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
    _DOCUMENTS[name] = text
    return {"kind": "later", "address": f"{views.ADDRESS}/{views.version()}/{name}"}


def _best_encoding(header: str) -> str:
    """The best encoding that a client accepts: br, gzip, or identity."""
    parts = [part.replace(" ", "").split(";q=") for part in header.split(",")]
    encodings = {part[0] for part in parts if len(part) == 1 or part[1].strip("0.")}
    return next((encoding for encoding in ("br", "gzip") if encoding in encodings), "identity")


def _file(name: str) -> tuple[str, str] | None:
    """Media type and text of a file; None for an unknown name."""
    document = _DOCUMENTS.get(name)
    return ("application/json", document) if document else views.served_file(name)


@cache
def _compressed(name: str, encoding: str) -> bytes:
    """The compressed content of a known file, cached from the first request on."""
    return _COMPRESS[encoding](_file(name)[1].encode())


class KeptAssets:
    """Middleware that caches Gradio's own scripts and styles, compressed, in memory: a visit requests about eighty.

    Their names have a hash of their content, so browsers may cache them without expiry."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.cache: dict[tuple[str, str], Response] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or scope["method"] != "GET" or not _ASSET.fullmatch(path):
            return await self.app(scope, receive, send)
        key = path, _best_encoding(Headers(scope=scope).get("accept-encoding", ""))
        if key not in self.cache:
            status, headers, content = await self._whole_file(scope, receive)
            if status != 200:
                return await Response(content, status, headers)(scope, receive, send)
            self.cache[key] = await run_in_threadpool(_encoded, content, headers["content-type"], key[1])
        return await self.cache[key](scope, receive, send)

    async def _whole_file(self, scope: Scope, receive: Receive) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and content of Gradio's full response: range and cache headers of the request are dropped."""
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
    """The response, compressed if it is text; fonts and pictures are compressed already."""
    encoding = encoding if media_type.startswith(("text/", "application/javascript")) else "identity"
    return Response(_COMPRESS[encoding](content), media_type=media_type, headers=_headers(encoding))


@cache
def _compressed_plotly(encoding: str) -> bytes:
    """plotly.js, compressed at the first request in 0.1 s; the best quality takes 30 s for 14 % fewer bytes."""
    if encoding == "br":
        return brotli.compress(views.plotly_js(), mode=brotli.MODE_TEXT, quality=5)
    return gzip.compress(views.plotly_js(), 6, mtime=0) if encoding == "gzip" else views.plotly_js()


class CompressedPage:
    """Middleware that compresses the page itself and its configuration, which Gradio sends uncompressed.

    All other addresses, above all event streams, bypass it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.compressed = GZipMiddleware(app, minimum_size=1000, compresslevel=6)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_page = scope["type"] == "http" and scope["path"].removeprefix(scope.get("root_path", "")) in _PAGES
        await (self.compressed if is_page else self.app)(scope, receive, send)
