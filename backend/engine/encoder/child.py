"""The process that runs one encoder, started as `python -m backend.engine.encoder.child` with the pipes of
backend/engine/parent.py: it bounds itself, loads the encoder and serves it."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from backend.engine import parent

MEMORY_LIMIT = 1024 * 1024 * 1024
STACK_BYTES = 512 * 1024


def main() -> int:
    config = parent.configuration()
    if config is None:
        return 0
    _bound(config["threads"])
    from backend.engine.encoder import loading, service, work  # not before: numpy reads once how many threads to use

    try:
        encoder = loading.load(config["model"], Path(config["path"]), config["threads"])
    except loading.Unusable as fault:
        parent.say({"error": str(fault)})
        return 1
    except Exception as fault:  # whatever a package may do: the parent tells it in one sentence
        parent.say({"error": f"it failed with {type(fault).__name__}"})
        return 1
    server = service.Service(work.Work(encoder, config["model"], config["context"]), config["key"])
    parent.say({"port": server.server_port, "model": config["model"], "context": config["context"]})
    server.serve_forever()
    return 0


def _bound(threads: int) -> None:
    """Threads of whatever multiplies matrices, and memory, where the system keeps such a bound (Linux)."""
    os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    threading.stack_size(STACK_BYTES)
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_LIMIT, MEMORY_LIMIT))


if __name__ == "__main__":
    sys.exit(main())
