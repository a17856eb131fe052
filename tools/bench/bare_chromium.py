"""A Chromium that tells nobody what it does while it does it.

Playwright has the browser report every request; on a machine of two cores that alone costs a page of a hundred files
half a second. Here the DevTools protocol is spoken over a pipe, and only before and after what is measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import servers

_FROM_PIPE = 'exec "$0" "$@" 3<&{} 4>&{}'  # --remote-debugging-pipe reads descriptor 3 and writes 4


class BareChromium:
    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, os.fdopen(answers, "rb", buffering=0)
        self._heard = b""
        self._number = 0

    def ask(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """One command of the DevTools protocol and its result; what the browser says meanwhile is passed over."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters}
        if session:
            command["sessionId"] = session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        while True:
            message = self._message()
            if message.get("id") == self._number:
                if "error" in message:
                    raise servers.BenchError(f"{method}: {message['error']['message']}")
                result: dict[str, Any] = message["result"]
                return result

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._heard:
            piece = self._answers.read(65536)
            if not piece:
                raise servers.BenchError("Chromium has ended.")
            self._heard += piece
        line, _, self._heard = self._heard.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message

    @contextmanager
    def page(self, before: str, width: int = 1280, height: int = 800) -> Iterator[BarePage]:
        """An empty page of a fresh profile, in which the script `before` runs first."""
        context = self.ask("Target.createBrowserContext")["browserContextId"]
        where = {"url": "about:blank", "browserContextId": context, "width": width, "height": height}
        target = self.ask("Target.createTarget", **where)["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.ask("Page.enable", session)
        self.ask("Page.addScriptToEvaluateOnNewDocument", session, source=before)
        yield BarePage(self, session)
        self.ask("Target.disposeBrowserContext", browserContextId=context)


class BarePage:
    def __init__(self, chromium: BareChromium, session: str) -> None:
        self._chromium, self._session = chromium, session

    def goto(self, url: str) -> None:
        """Returns as soon as the page begins."""
        self._chromium.ask("Page.navigate", self._session, url=url)

    def evaluate(self, expression: str) -> Any:
        told = self._chromium.ask("Runtime.evaluate", self._session, expression=expression, returnByValue=True)
        return told["result"].get("value")


@contextmanager
def bare_chromium(path: str, flags: list[str]) -> Iterator[BareChromium]:
    theirs_in, commands = os.pipe()
    answers, theirs_out = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = [*flags, "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]
        start = ["sh", "-c", _FROM_PIPE.format(theirs_in, theirs_out), path, *options]
        process = subprocess.Popen(start, pass_fds=(theirs_in, theirs_out), stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        chromium = BareChromium(commands, answers)
        try:
            yield chromium
            chromium.ask("Browser.close")
        finally:
            os.close(commands)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
