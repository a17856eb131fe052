"""Starts the WSGI server: gunicorn's gevent worker, or gevent's own server where there is no gunicorn (Windows).

Before a worker has begun nothing here imports requests, Flask or the app: gevent must patch first.
"""

from __future__ import annotations

import errno
import gc
import logging
import socket
import sys
from typing import Any

from backend import __version__
from backend.settings import Settings

BACKLOG = 4096
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"
log = logging.getLogger("passerelle")


def serve(settings: Settings) -> int:
    """Serve until stopped. Returns the process's exit status; what went wrong is said on stderr."""
    logging.basicConfig(level=settings.log_level.upper(), format=LOG_FORMAT, stream=sys.stderr)
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    _raise_descriptor_limit()
    try:
        listener = _listen(settings.host, settings.port)
    except OSError as fault:
        print(_no_listener(settings, fault), file=sys.stderr)
        return 1
    if sys.platform == "win32":
        return _serve_gevent(settings, listener)
    return _serve_gunicorn(settings, listener)


def start(settings: Settings) -> Any:
    """Build the app and start its parts, in the process that will serve."""
    from backend.app import create_app

    app = create_app(settings)
    app.extensions["passerelle"].start()
    gc.collect()
    gc.freeze()  # what is there now stays: the collector need not look at it again and again
    print(_banner(settings, app), file=sys.stderr, flush=True)
    return app


def _listen(host: str, port: int) -> socket.socket:
    """Accepted sockets inherit TCP_NODELAY: a token must not wait for the next one."""
    family, _, _, _, address = socket.getaddrinfo(host.strip("[]"), port, 0, socket.SOCK_STREAM)[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _no_listener(settings: Settings, fault: OSError) -> str:
    if fault.errno == errno.EADDRINUSE:
        return (
            f"Port {settings.port} is taken, perhaps by a gateway that runs already. "
            "Stop that program, or set another PORT in .env."
        )
    if fault.errno == errno.EACCES:
        return f"Port {settings.port} is reserved by the system. Set a PORT above 1023 in .env."
    return (
        f"Cannot listen on HOST={settings.host}, PORT={settings.port}: {fault.strerror or fault}. Correct them in .env."
    )


def _raise_descriptor_limit() -> None:
    """A stream takes two descriptors, and many systems begin with 1,024."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _banner(settings: Settings, app: Any) -> str:
    parts = app.extensions["passerelle"]
    state = parts.selection.state()
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    lines = [
        f"Passerelle {__version__} listens on http://{host}:{settings.port} (the page), API at /v1. Ctrl-C stops it."
    ]
    if state["ok"]:
        version = f" {state['version']}" if state["version"] else ""
        address = f" at {state['url']}" if state["url"] else ""
        lines.append(f"Backend: {state['name']}{version}{address}")
        lines.append(f"Model:   {_default_model(parts.catalogue)}")
        lines += [state["message"]] if state["message"] else []
    else:
        lines.append(f"Backend: {state['name']}. {state['message']}")
    lines.append(
        f"To change this, set BACKEND ({settings.backend} now) and DEFAULT_MODEL in .env; .env.example lists all."
    )
    return "\n".join(lines)


def _default_model(catalogue: Any) -> str:
    from backend.errors import GatewayError

    try:
        name = catalogue.default()
        if name is None:
            return "none yet"
        is_demo = catalogue.find(name)[1].is_demo
    except GatewayError as fault:
        return fault.message
    advice = "a small demo. For real answers: python -m backend get, or start Ollama or LM Studio"
    return f"{name} ({advice})" if is_demo else name


def _serve_gunicorn(settings: Settings, listener: socket.socket) -> int:
    from backend.serving.gunicorn_server import run

    return run(settings, listener, lambda: start(settings))


def _serve_gevent(settings: Settings, listener: socket.socket) -> int:
    from gevent import monkey

    monkey.patch_all()
    from backend.serving.gevent_server import run

    return run(listener.detach(), start(settings))
