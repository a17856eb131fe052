"""What is measured of one running server. Every measure returns plain numbers by name; None is "never happened"."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from typing import Any

from servers import HERE, WORK, BenchError, Server, get_json, needed, wait_until

Numbers = dict[str, float | None]

ABORT_LIMIT_S = 3.0
ABORTS = {
    # Leaves after three chunks of a stream with one every 50 ms.
    "mid_stream": ("--interval", "50", "--abort-after", "3"),
    # Leaves 100 ms after asking; the upstream would be silent for 10 s.
    "before_first": ("--first", "10000", "--leave-after", "100"),
    # The same by a client that waits for one whole answer.
    "non_stream": ("--plain", "--interval", "50", "--leave-after", "100"),
}


def load(port: int, *arguments: str) -> Any:
    """Run the load generator; its report."""
    command = [str(WORK / "load"), "--port", str(port), *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, start_new_session=True)
    if ran.returncode:
        raise BenchError(f"The load generator failed: {ran.stderr.strip()}")
    return json.loads(ran.stdout)


def warm_up(server: Server) -> None:
    """A few streams that must be right, so that nothing is measured that does not work."""
    report = load(server.port, "--streams", "10", "--chunks", "5", "--usage")
    if report["ok"] != 10:
        raise BenchError(f"{server.name}: streams are not whole: {report['errors']}")


def idle_memory(server: Server) -> Numbers:
    """MiB of all its processes, before it has done any work."""
    return {"idle_pss_mib": server.pss_bytes() / 2**20, "idle_rss_mib": server.rss_bytes() / 2**20}


def chunk_cpu(server: Server) -> Numbers:
    """CPU time per relayed chunk: 100 streams of 100 chunks, 20 ms apart; everything the streams cost is in it."""
    before = server.cpu_s()
    report = load(server.port, "--streams", "100", "--chunks", "100", "--interval", "20")
    spent = server.cpu_s() - before
    if report["ok"] != 100:
        raise BenchError(f"{server.name}: of 100 streams {report['ok']} were whole: {report['errors']}")
    return {
        "chunk_cpu_us": spent * 1e6 / report["chunks"] if server.process else None,
        "chunk_latency_p50_ms": report["latency_ms"]["p50"],
        "chunk_latency_p99_ms": report["latency_ms"]["p99"],
    }


def stream_cpu(server: Server) -> Numbers:
    """CPU time of a stream of one chunk: what opening and ending one costs, which `chunk_cpu` spreads over 100."""
    before = server.cpu_s()
    report = load(server.port, "--streams", "10", "--total", "300", "--chunks", "1")
    spent = server.cpu_s() - before
    if report["ok"] != 300:
        raise BenchError(f"{server.name}: of 300 short streams {report['ok']} were whole: {report['errors']}")
    return {"stream_cpu_us": spent * 1e6 / 300 if server.process else None}


def thousand_streams(server: Server) -> tuple[Numbers, dict[str, int]]:
    """1,000 streams at once of 50 chunks, 20 ms apart (1.0 s where nobody waits), and what was wrong with any."""
    with PeakMemory(server) as memory:
        before = server.cpu_s()
        report = load(server.port, "--streams", "1000", "--chunks", "50", "--interval", "20")
        spent = server.cpu_s() - before
    ttft = report["ttft_ms"] or {"p50": None, "p99": None}
    numbers = {
        "streams_ok": report["ok"],
        "streams_wall_s": report["wall_s"],
        "streams_ttft_p50_ms": ttft["p50"],
        "streams_ttft_p99_ms": ttft["p99"],
        "streams_cpu_s": spent if server.process else None,
        "stream_kib": memory.grown_bytes / 1000 / 1024 if server.process else None,
    }
    return numbers, report["errors"]


class PeakMemory:
    """How much a server's memory grew at most while the block ran."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._begun = self._peak = server.rss_bytes()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak-memory")

    @property
    def grown_bytes(self) -> int:
        return self._peak - self._begun

    def _watch(self) -> None:
        while not self._is_over.wait(0.025):
            self._peak = max(self._peak, self._server.rss_bytes())

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()


def requests(server: Server, connections: int, seconds: int) -> Numbers:
    """Whole answers of one chunk over so many connections that are kept open."""
    url = f"http://127.0.0.1:{server.port}/v1/chat/completions"
    # A slow answer is a slow answer, not a failure: the patience is long.
    options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "-s", str(HERE / "chat.lua")]
    command = [needed("wrk"), *options, url]
    before = server.cpu_s()
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, start_new_session=True)
    spent = server.cpu_s() - before
    result = re.search(r"^RESULT (.*)$", ran.stdout, re.MULTILINE)
    if ran.returncode or result is None:
        raise BenchError(f"wrk failed: {ran.stderr.strip() or ran.stdout.strip()}")
    told = json.loads(result[1])
    if not told["requests"]:
        return {"requests_failed": told["failed"], f"rps_{connections}": 0.0}
    return {
        "requests_failed": told["failed"],
        f"rps_{connections}": told["requests"] / told["seconds"],
        f"p50_ms_{connections}": told["p50_ms"],
        f"p99_ms_{connections}": told["p99_ms"],
        f"request_cpu_us_{connections}": spent * 1e6 / told["requests"] if server.process else None,
    }


def aborts(server: Server, stub_port: int, kind: str, trials: int) -> list[float | None]:
    """Milliseconds from the client's close to the moment when the upstream saw its own connection closed."""
    if not wait_until(lambda: get_json(stub_port, "/_stats")["answering"] == 0, 20.0):
        raise BenchError(f"{server.name}: streams that were left never ended.")
    before = get_json(stub_port, "/_stats")["aborted"]
    report = load(server.port, "--total", str(trials), *ABORTS[kind])
    if report["ok"] != trials:
        raise BenchError(f"{server.name}: could not leave as planned: {report['errors']}")
    wait_until(lambda: get_json(stub_port, "/_stats")["aborted"] >= before + trials, ABORT_LIMIT_S)
    seen = {tag: at_ns for tag, at_ns, _ in get_json(stub_port, "/_stats")["aborts"][before:]}
    return [(seen[tag] - left_ns) / 1e6 if tag in seen else None for tag, left_ns in report["left"]]
