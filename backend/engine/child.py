"""The process that runs llama.cpp: one model, one server on a free loopback port, nothing else.

Started as `python -m backend.engine.child`. The first line on stdin is its configuration, key included (so
that neither shows in a list of processes); the one line it prints is `{"port", "model", "context"}` or
`{"error"}`.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import xllamacpp

from backend.engine import parent

QUIET, ERRORS = 0, 1
"""llama.cpp's log levels. Even its errors may quote an answer, so a running server has no log at all."""
THREADS_HTTP = 256
"""Each open connection holds one. By default there are about six, and a seventh stream, or our own question
whether a slot is busy, waits for one of them to end."""
SLOTS_TIMEOUT_S = 30
REASON, LAST_WORDS = "error loading model:", "exiting due to"
LOG_PATIENCE_S = 2.0


def main() -> int:
    config = parent.configuration()
    if config is None:
        return 0
    try:
        server = xllamacpp.Server(_params(config, QUIET))
    except (RuntimeError, ValueError):
        parent.say({"error": _reason(config)})
        return 1
    port = int(server.listening_address.rsplit(":", 1)[1])
    parent.say({"port": port, "model": config["model"], "context": _context(port, config["key"])})
    threading.Event().wait()
    return 0


def _params(config: dict[str, Any], verbosity: int) -> Any:
    params = xllamacpp.CommonParams()
    params.model.path = config["path"]
    params.model_alias = [config["model"]]
    params.verbosity = verbosity
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [config["key"]]
    params.cors_origins = ""  # by default any web page may drive the engine
    params.cors_credentials = False
    params.ui = False
    params.endpoint_slots = True
    params.n_threads_http = THREADS_HTTP
    params.n_parallel = config["parallel"]
    params.n_ctx = config["context"] * config["parallel"]
    params.cont_batching = True
    params.cache_ram_mib = config["prompt_cache_mib"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = config["threads"]
    if config["ranks"]:
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_RANK
    if config["is_embedder"] or config["ranks"]:  # a text must fit one batch
        params.embedding = True
        params.n_batch = params.n_ubatch = config["context"]
    return params


def _context(port: int, key: str) -> int:
    """What one conversation really gets: llama.cpp rounds, and caps at what the model was trained for.

    By hand, for http.client with all that it imports costs more time than the model takes to load.
    """
    request = f"GET /slots HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=SLOTS_TIMEOUT_S) as connection:
        connection.sendall(request.encode())
        reply = b"".join(iter(lambda: connection.recv(65536), b""))
    slots = json.loads(reply.split(b"\r\n\r\n", 1)[1])
    return min(int(slot["n_ctx"]) for slot in slots)


def _reason(config: dict[str, Any]) -> str:
    """llama.cpp only logs why it refuses a model: ask it again, and read the log.

    From here on nothing reaches the real stderr: the log is written by a thread that is behind.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        log = Path(folder) / "log"
        _send_stderr_to(log)
        with contextlib.suppress(RuntimeError, ValueError):
            xllamacpp.Server(_params(config, ERRORS))
        deadline = time.monotonic() + LOG_PATIENCE_S
        while LAST_WORDS not in (text := log.read_text("utf-8", "replace")) and time.monotonic() < deadline:
            time.sleep(0.01)
        _send_stderr_to(Path(os.devnull))
    reasons = [line.split(REASON, 1)[1].strip() for line in text.splitlines() if REASON in line]
    reason = reasons[0].replace(config["path"], "the file") if reasons else "it did not say why"
    return "".join(character for character in reason if character.isprintable())[:300]


def _send_stderr_to(path: Path) -> None:
    with path.open("wb") as file:
        os.dup2(file.fileno(), 2)


if __name__ == "__main__":
    sys.exit(main())
