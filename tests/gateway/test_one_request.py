"""docs/one-request.md is what happens: a live request is followed through the files that it names."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

from backend.settings import ROOT
from tests.fake_backend import FakeBackend
from tests.running_gateway import free_port

PAGE = ROOT / "docs" / "one-request.md"
FOLLOW = """
from gevent import monkey; monkey.patch_all()
import http.client, json, os, sys
import gevent
from backend.serving import server
from backend.serving.gevent_server import run
from backend.settings import ROOT, Settings

settings = Settings.read()
app = server.start(settings)
listener = server._listen(settings.host, settings.port)
called = []

def note(frame, event, arg):
    code = frame.f_code
    if event == "call" and code.co_filename.startswith(str(ROOT / "backend")):
        file = os.path.relpath(code.co_filename, ROOT).replace(os.sep, "/")
        if (file, code.co_name) not in called:
            called.append((file, code.co_name))

def ask():
    connection = http.client.HTTPConnection("127.0.0.1", settings.port)
    body = json.dumps({"messages": [{"role": "user", "content": "Hi"}], "stream": True})
    connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
    return connection.getresponse().read()

serving = gevent.spawn(run, listener.detach(), app)
sys.setprofile(note)
answer = gevent.spawn(ask).get()
sys.setprofile(None)
assert answer.endswith(b"data: [DONE]\\n\\n"), answer
print(json.dumps(called), flush=True)
os._exit(0)
"""


def test_a_request_takes_the_way_that_the_page_describes() -> None:
    steps = re.findall(r"^\| `(backend/\S+\.py)` \|.*\| `(\w+)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    with FakeBackend("openai") as fake:
        environment = {"PATH": os.environ["PATH"], "PORT": str(free_port()), "BACKEND": "openai"}
        ran = subprocess.run(
            [sys.executable, "-c", FOLLOW],
            cwd=ROOT,
            env={**environment, "OPENAI_URL": fake.url + "/v1"},
            capture_output=True,
            text=True,
            timeout=60,
        )
    called = [tuple(call) for call in json.loads(ran.stdout)]

    assert len(steps) > 20
    assert not set(steps) - set(called), "these were not needed"
    assert steps == [call for call in called if call in steps], "the page names them in another order"


def test_every_file_that_the_page_names_is_there() -> None:
    named = re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.(?:py|md))`", PAGE.read_text(encoding="utf-8"))

    missing = [name for name in named if not (ROOT / name).exists() and not (ROOT / "backend" / name).exists()]
    assert not missing
