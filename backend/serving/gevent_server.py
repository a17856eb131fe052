"""gevent's own server, for Windows, where gunicorn does not run: the same app, the same relay."""

from __future__ import annotations

from typing import Any

from gevent import socket
from gevent.pywsgi import WSGIHandler, WSGIServer

from backend.turns import take_turn


class Handler(WSGIHandler):  # type: ignore[misc]
    """Shows the client's socket to the app, which must see at once that a client left."""

    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environ()
        environ["passerelle.socket"] = self.socket
        return environ

    def handle_one_request(self) -> Any:
        take_turn()
        return super().handle_one_request()


def run(fd: int, app: Any) -> int:
    """Serve on a listening descriptor until Ctrl-C."""
    listener = socket.socket(fileno=fd)
    try:
        WSGIServer(listener, app, handler_class=Handler, log=None).serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        app.extensions["passerelle"].stop()
    return 0
