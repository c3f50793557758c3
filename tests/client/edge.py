"""A server that answers as it is told: the edge of the world, on a real port. test_edge.py holds it to the real one."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    after_seconds: float = 0.0


@dataclass(frozen=True)
class Request:
    path: str
    at: float
    document: Any
    headers: dict[str, str]

    @property
    def ids(self) -> list[str]:
        return [event["id"] for event in self.document]


def receipt(events: list[Any], **counts: Any) -> dict[str, Any]:
    """What the real server says when it takes all of them."""
    plain = {"accepted": len(events), "duplicates": 0, "conflicts": 0, "rejected": 0, "results": []}
    return plain | counts


class Edge:
    """Gives the scripted answers in turn, then those of `otherwise`. Requests are kept."""

    def __init__(self) -> None:
        self.script: list[Answer] = []
        self.otherwise: Callable[[Request], Answer] = _as_the_real_one
        self.requests: list[Request] = []
        self.url = ""

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        return self.script.pop(0) if self.script else self.otherwise(request)

    def sent(self, path: str = "/api/events") -> list[Request]:
        return [request for request in self.requests if request.path == path]


def _as_the_real_one(request: Request) -> Answer:
    if request.path != "/api/events":
        return Answer(404, {"title": "Not found"})
    return Answer(200, receipt(request.document))


@contextmanager
def serving() -> Iterator[Edge]:
    edge = Edge()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = Request(
                self.path,
                time.monotonic(),
                json.loads(body),
                {name.title(): value for name, value in self.headers.items()},
            )
            answer = edge.answer(request)
            time.sleep(answer.after_seconds)
            content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            try:
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                self.close_connection = True  # the client did not wait

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    edge.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield edge
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
