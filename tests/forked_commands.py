"""`python -m backend …`, each a process of its own, forked from one that has imported what all of them need.

A third of a second for every command would otherwise go into the same imports.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import Self

from tests.running_gateway import ROOT

PIPE_BYTES = 65536
MESSAGE_BYTES = 1 << 20


class ForkedCommands:
    """Runs commands one at a time, with their own environment, standard input and outputs."""

    def __init__(self, environment: Mapping[str, str], deadline_s: float) -> None:
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._line.settimeout(deadline_s)
        with theirs:
            self._parent = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=[theirs.fileno()],
            )

    def run(
        self, arguments: tuple[str, ...], environment: Mapping[str, str], said: bytes | None
    ) -> subprocess.CompletedProcess[bytes]:
        with ExitStack() as stack:
            out, err = stack.enter_context(TemporaryFile()), stack.enter_context(TemporaryFile())
            given = _given(stack, said)
            message = json.dumps([arguments, dict(environment)]).encode()
            socket.send_fds(self._line, [message], [given, out.fileno(), err.fileno()])
            status = int(self._line.recv(16))
            for file in (out, err):
                file.seek(0)
            return subprocess.CompletedProcess(arguments, status, out.read(), err.read())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()  # which tells the parent to end
        try:
            self._parent.wait(5)
        except subprocess.TimeoutExpired:  # a command that hangs keeps it
            os.killpg(self._parent.pid, signal.SIGKILL)
            self._parent.wait()


def _given(stack: ExitStack, said: bytes | None) -> int:
    """A pipe that holds all that is said, as `subprocess.run(input=…)` has one; nothing said: no input at all."""
    if said is None:
        return stack.enter_context(open(os.devnull, "rb")).fileno()
    assert len(said) <= PIPE_BYTES
    reading, writing = os.pipe()
    stack.callback(os.close, reading)
    with open(writing, "wb") as pipe:
        pipe.write(said)
    return reading


def serve(line: socket.socket) -> None:
    """Fork for each command; return in the process that is to be the command, or when nobody will ask again."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(line, MESSAGE_BYTES, 3)
        if not message:
            sys.exit()
        child = os.fork()
        if not child:
            break
        for descriptor in descriptors:
            os.close(descriptor)
        _, ended = os.waitpid(child, 0)
        line.send(str(os.waitstatus_to_exitcode(ended)).encode())
    line.close()
    for standard, descriptor in enumerate(descriptors):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    arguments, environment = json.loads(message)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[1:] = arguments


if __name__ == "__main__":
    import requests  # noqa: F401

    serve(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_module("backend", run_name="__main__", alter_sys=True)
