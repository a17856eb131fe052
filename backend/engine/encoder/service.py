"""An encoder's server on a free loopback port, for the gateway alone.

It speaks what llama.cpp's server speaks, so that the gateway needs no further dialect: POST /v1/embeddings and
/v1/rerank, and errors in OpenAI's shape, with `input[3]` in `param`. One field more: `vectors` of a rerank, base64 of
little-endian float32, one of the query and one a document, where another model has made them.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import select
import socket
from base64 import b64decode, b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore
from typing import Any

import numpy as np

from backend.engine.encoder.loading import Vectors
from backend.engine.encoder.work import Left, Refused, Work

BODY_LIMIT = 48 * 1024 * 1024
AT_ONCE = 4
"""Requests that are read and worked on at the same time; more of them wait, unread, in their sockets."""

Answer = dict[str, Any]


class Service(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, work: Work, key: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.work, self.authorization = work, f"Bearer {key}".encode()
        self.turns = BoundedSemaphore(AT_ONCE)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing is logged: a traceback may quote a text. The parent sees a connection that ends without an answer."""


class Handler(BaseHTTPRequestHandler):
    """One request a connection, so that no thread waits for a next one."""

    server: Service

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged."""

    def do_POST(self) -> None:
        if not hmac.compare_digest(self.headers.get("Authorization", "").encode(), self.server.authorization):
            self._send(401, _error(401, "Wrong key.", "invalid_api_key"))
            return
        with self.server.turns, contextlib.suppress(Left, OSError):
            self._send(*self._answer())

    def _answer(self) -> tuple[int, Answer]:
        size = int(self.headers.get("Content-Length", 0))
        if size > BODY_LIMIT:
            return 400, _error(400, f"More than {BODY_LIMIT // 2**20} MiB at once: send several requests.", "too_much")
        try:
            asked = json.loads(self.rfile.read(size))
            match self.path:
                case "/v1/embeddings":
                    return 200, self._embeddings(asked)
                case "/v1/rerank":
                    return 200, self._ranking(asked)
        except Refused as refused:
            return 400, _error(400, refused.message, refused.code, refused.param)
        except MemoryError:
            return 503, _error(503, "There is not enough memory for that much text at once.", "out_of_memory")
        except (Left, OSError):
            raise
        except Exception as fault:  # the edge: whatever a package may do, and never its words, which may quote a text
            return 500, _error(500, f"The encoder failed ({type(fault).__name__}).", "internal_error")
        return 404, _error(404, "There is nothing at this address.", "not_found")

    def _embeddings(self, asked: dict[str, Any]) -> Answer:
        vectors, tokens = self.server.work.embed(asked["input"], self._is_gone)
        data = [
            {"object": "embedding", "index": index, "embedding": b64encode(vector.astype("<f4").tobytes()).decode()}
            for index, vector in enumerate(vectors)
        ]
        return {"object": "list", "data": data, "usage": _usage(tokens)}

    def _ranking(self, asked: dict[str, Any]) -> Answer:
        documents = asked["documents"]
        given = _given(asked.get("vectors"), len(documents))
        scores, tokens = self.server.work.rank(asked["query"], documents, given, self._is_gone)
        results = [{"index": index, "relevance_score": score} for index, score in enumerate(scores)]
        results.sort(key=lambda result: -result["relevance_score"])
        return {"object": "list", "results": results, "usage": _usage(tokens)}

    def _is_gone(self) -> bool:
        """Whether the parent has closed the connection: it sends nothing more before it has the answer."""
        return bool(select.select([self.connection], [], [], 0)[0]) and not self.connection.recv(1, socket.MSG_PEEK)

    def _send(self, status: int, answer: Answer) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _given(vectors: str | None, count: int) -> Vectors | None:
    return None if vectors is None else np.frombuffer(b64decode(vectors), "<f4").reshape(count + 1, -1)


def _error(status: int, message: str, code: str, param: str | None = None) -> Answer:
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": message, "type": kind, "code": code, "param": param}}


def _usage(tokens: int) -> dict[str, int]:
    return {"prompt_tokens": tokens, "total_tokens": tokens}
