"""What reaches a client, seen from the side of the outlet: a real socket pair, a real event loop."""

from __future__ import annotations

import subprocess
import sys

from tests.running_gateway import ROOT

SCRIPT = """
from gevent import monkey; monkey.patch_all()
import gevent, socket
from backend.relay.client import Client
from backend.dialects.chat import Started, TextDelta
from backend.relay.meter import Meter
from backend.observers.exchange import Observers
from backend.relay.outlet import Outlet

class Broken:
    content_type, keep_alive = "text/plain", b""
    def encode(self, event):
        if isinstance(event, TextDelta):
            raise RuntimeError("the secret words of a prompt")
        return b"started "

ours, theirs = socket.socketpair()
client = Client({"gunicorn.socket": ours, "SERVER_PROTOCOL": "HTTP/1.0"})
client.attach(lambda: None)
lost = []
outlet = Outlet(client, Broken(), Meter(Observers([]), "r", "POST", "/"), PACE, lambda: None, lambda: lost.append(1))
outlet.put([Started()])
outlet.put([TextDelta("x")])
gevent.sleep(0.05)
print(theirs.recv(100), lost)
"""


def test_an_encoder_that_fails_cuts_the_line_and_is_logged_without_its_words() -> None:
    for pace in ("None", "0.01"):
        ran = subprocess.run(
            [sys.executable, "-c", SCRIPT.replace("PACE", pace)], cwd=ROOT, capture_output=True, text=True, timeout=20
        )

        assert ran.stdout.strip() == "b'started ' [1]", ran.stderr
        assert "RuntimeError" in ran.stderr
        assert "secret words" not in ran.stderr
