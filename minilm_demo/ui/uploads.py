"""Visitors' files on the server's disk: an upload that cannot be kept, and files that nobody deleted."""

from __future__ import annotations

import contextlib
import shutil
import time
from pathlib import Path

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .. import models

LEFT_SECONDS = 2 * 3600  # twice the age at which a running server deletes a file (`delete_cache`)


def no_place(error: OSError) -> str:
    """What a visitor is told whose file cannot be written. It names no folder of the server."""
    return (
        f"The server has no place for this file: {error.strerror}. Ask the people who run it to run `doctor` there, "
        "then try again."
    )


class SaidUploads:
    """Middleware that answers an upload that cannot be kept with a sentence, which the page shows."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].endswith("/upload"):
            return await self.app(scope, receive, send)
        has_begun = False

        async def watched(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except OSError as error:
            if has_begun:
                raise
            await PlainTextResponse(no_place(error), status_code=507)(scope, receive, send)


def forget_left_files() -> None:
    """Delete the files of servers that ended before they could: what is older than `LEFT_SECONDS` in our own folder.

    A folder that the user has chosen may hold other files."""
    own = models.home() / "uploads"
    if models.uploads_root() != own or not own.is_dir():
        return
    for place in own.iterdir():
        with contextlib.suppress(OSError):  # deleted meanwhile, by another server
            if time.time() - _newest(place) > LEFT_SECONDS:
                shutil.rmtree(place) if place.is_dir() else place.unlink()


def _newest(place: Path) -> float:
    """The latest modification time in a folder or of a file."""
    return max(file.stat().st_mtime for file in (place, *place.rglob("*")))
