"""A reverse proxy as people put one before the app: it serves the app below a path, and passes on every byte."""

import contextlib
import threading
import time
from collections.abc import Iterator

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"]
OF_THE_CONNECTION = ("connection", "keep-alive", "transfer-encoding", "host")  # not passed on


@contextlib.contextmanager
def reverse_proxy(target: str, prefix: str, *, strips: bool = True) -> Iterator[str]:
    """The address of a server that answers below `prefix` alone, with what the server at `target` answers.

    `strips`: whether the target is asked without the prefix."""
    client = httpx.AsyncClient(base_url=target, timeout=None, trust_env=False)

    async def forward(request: Request) -> StreamingResponse:
        path = request.scope["raw_path"].decode()
        url = httpx.URL(path.removeprefix(prefix) if strips else path, query=request.url.query.encode())
        asked = client.build_request(
            request.method, url, headers=_passed_on(request.headers), content=await request.body()
        )
        answer = await client.send(asked, stream=True)
        return StreamingResponse(
            answer.aiter_raw(), answer.status_code, _passed_on(answer.headers), background=BackgroundTask(answer.aclose)
        )

    def _passed_on(headers) -> dict[str, str]:
        return {name: value for name, value in headers.items() if name.lower() not in OF_THE_CONNECTION}

    app = Starlette(routes=[Route(f"{prefix}/{{path:path}}", forward, methods=METHODS)])
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}{prefix}/"
    finally:
        server.should_exit = True
        thread.join(timeout=30)
