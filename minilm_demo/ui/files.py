"""What the page fetches from this server besides Gradio's own files: the components' scripts and styles, compressed."""

from __future__ import annotations

import gzip
from functools import cache

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


def component_file(request: Request) -> Response:
    """`<component>.js` or `.css` of the current version; 404 for any other address."""
    if request.path_params["version"] != views.version():
        return PlainTextResponse("There is no such file here. Reload the page.", status_code=404)
    encoding = _accepted(request.headers.get("accept-encoding", ""))
    file = _compressed(request.path_params["name"], encoding)
    if file is None:
        return PlainTextResponse("There is no such file here.", status_code=404)
    media_type, content = file
    encoded = {} if encoding == "identity" else {"Content-Encoding": encoding}
    return Response(content, media_type=media_type, headers=_FOR_EVER | encoded)


def plotly_file(request: Request) -> Response:
    """plotly.js, which a page asks for when its first figure comes onto the screen."""
    encoding = _accepted(request.headers.get("accept-encoding", ""))
    encoded = {} if encoding == "identity" else {"Content-Encoding": encoding}
    return Response(_compressed_plotly(encoding), media_type="text/javascript", headers=_FOR_EVER | encoded)


# No slash within a name: a path outside the table of components is no address.
FILES = Route(f"/{views.ADDRESS}/{{version}}/{{name}}", component_file)
PLOTLY = Route(f"/{views.PLOTLY_ADDRESS}", plotly_file)


def _accepted(header: str) -> str:
    """The best encoding that a client says it takes: br, gzip, or identity."""
    parts = [part.replace(" ", "").split(";q=") for part in header.split(",")]
    taken = {part[0] for part in parts if len(part) == 1 or part[1].strip("0.")}
    return next((encoding for encoding in ("br", "gzip") if encoding in taken), "identity")


@cache
def _compressed(name: str, encoding: str) -> tuple[str, bytes] | None:
    """Media type and content; compressed once, at the first request."""
    file = views.served_file(name)
    return file and (file[0], _COMPRESS[encoding](file[1]))


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
