"""Where the gateway's CPU time goes while it relays, as perf sees it: shares by library, then by function."""

from __future__ import annotations

import subprocess

import measures
import servers
from servers import Server, needed

LEAST_SHARE = "0.7"


def show(stub_port: int) -> None:
    for dialect in ("openai", "ollama"):
        with servers.gateway(stub_port, dialect) as server:
            measures.warm_up(server)
            _record(server)
            print(f"\n{server.name}:")
            for columns in ("dso", "dso,symbol"):
                print(_report(columns), flush=True)


def _record(server: Server) -> None:
    pids = ",".join(str(process.pid) for process in server.processes())
    options = ["-q", "-e", "cpu-clock", "-F", "2000", "-o", str(servers.WORK / "perf.data"), "-p", pids]
    recorder = subprocess.Popen([needed("perf"), "record", *options], start_new_session=True)
    try:
        for _ in range(3):
            measures.chunk_cpu(server)
    finally:
        recorder.terminate()
        recorder.wait(10)


def _report(columns: str) -> str:
    options = ["-i", str(servers.WORK / "perf.data"), "--stdio", "--percent-limit", LEAST_SHARE, "--sort", columns]
    ran = subprocess.run([needed("perf"), "report", *options], capture_output=True, text=True, check=True)
    return "\n".join(line for line in ran.stdout.splitlines() if line and not line.startswith("#"))
