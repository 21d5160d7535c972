"""A WSGI application on a real socket, for tests that speak HTTP as the world does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Tests print nothing of their own."""


def in_json(answer: Callable[[dict[str, Any], Any], tuple[str, Any]]) -> Any:
    """An application that takes and gives JSON: ``answer(environ, document)`` is a status and a document."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        asked = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        status, document = answer(environ, json.loads(asked))
        body = json.dumps(document).encode()
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return app


@contextmanager
def served(app: Any, after: Callable[[], None] = lambda: None) -> Iterator[str]:
    """Serve ``app`` on a free loopback port while the block runs; gives ``http://127.0.0.1:port``.

    ``after`` runs at the end of each connection, in its own thread.
    """

    class Server(ThreadingMixIn, WSGIServer):
        daemon_threads = True

        def process_request_thread(self, request: Any, client_address: Any) -> None:
            super().process_request_thread(request, client_address)
            after()

    server = make_server("127.0.0.1", 0, app, server_class=Server, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
