"""The figures of a run: gathered round by round, shown as a table, held against the targets."""

from __future__ import annotations

import os
import platform
import re
import statistics
import subprocess
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import psutil
from servers import needed

DIRECT, NGINX, SAME, TRANSLATED = "direct", "nginx", "same dialect", "Ollama to OpenAI"
SERVERS = (DIRECT, NGINX, SAME, TRANSLATED)
GATEWAYS = (SAME, TRANSLATED)
CONNECTIONS = (1, 32, 256)
ABORT_KINDS = {"mid_stream": "mid-stream", "before_first": "before the first byte", "non_stream": "in a non-stream"}

MAX_CHUNK_CPU_RATIO = 5.0
MAX_ABORT_MS = 50.0
MAX_IDLE_MIB = 80.0


class Results:
    """Samples by server and name; a figure is the median of its rounds."""

    def __init__(self) -> None:
        self.samples: dict[str, dict[str, list[float | None]]] = {server: defaultdict(list) for server in SERVERS}
        self.errors: dict[str, list[dict[str, int]]] = defaultdict(list)

    def add(self, server: str, numbers: dict[str, float | None]) -> None:
        for name, value in numbers.items():
            self.samples[server][name].append(value)

    def values(self, server: str, name: str) -> list[float]:
        return [value for value in self.samples[server].get(name, []) if value is not None]

    def figure(self, server: str, name: str) -> float | None:
        values = self.values(server, name)
        return statistics.median(values) if values else None

    def ratio(self, server: str, name: str) -> float | None:
        """Times nginx: the median of the rounds' own ratios, since the machine's speed drifts between rounds."""
        pairs = zip(self.values(server, name), self.values(NGINX, name), strict=False)
        ratios = [value / nginx for value, nginx in pairs if nginx]
        return statistics.median(ratios) if ratios else None

    def added(self, server: str, name: str) -> float | None:
        value, alone = self.figure(server, name), self.figure(DIRECT, name)
        return None if value is None or alone is None else value - alone


def _text(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _pair(first: float | None, second: float | None, digits: int = 0) -> str:
    return "–" if first is None and second is None else f"{_text(first, digits)} / {_text(second, digits)}"


def _abort(results: Results, server: str, kind: str) -> str:
    samples = results.samples[server].get(f"abort_{kind}", [])
    values = results.values(server, f"abort_{kind}")
    if not samples:
        return "–"
    missed = len(samples) - len(values)
    told = _pair(statistics.median(values), max(values), 1) if values else "never"
    return f"{told} ({missed} of {len(samples)} never)" if missed and values else told


def rows(results: Results) -> list[tuple[str, list[str]]]:
    """Name of the figure, and its text for every server."""

    def row(name: str, *metrics: str, digits: int = 0) -> tuple[str, list[str]]:
        texts = []
        for server in SERVERS:
            figures = [results.figure(server, metric) for metric in metrics]
            texts.append(_text(figures[0], digits) if len(figures) == 1 else _pair(figures[0], figures[1], digits))
        return name, texts

    table = [
        row("start-up, first / next, ms", "first_start_ms", "start_ms"),
        row("idle memory, PSS / RSS, MiB", "idle_pss_mib", "idle_rss_mib", digits=1),
        row("CPU per relayed chunk, µs", "chunk_cpu_us", digits=1),
        ("… times nginx", [_text(results.ratio(server, "chunk_cpu_us"), 2) for server in SERVERS]),
        row("CPU per stream of one chunk, µs", "stream_cpu_us"),
        row("chunk latency p50 / p99, ms", "chunk_latency_p50_ms", "chunk_latency_p99_ms", digits=2),
        row("1,000 streams: whole ones", "streams_ok"),
        row("1,000 streams: wall, s", "streams_wall_s", digits=2),
        row("1,000 streams: TTFT p50 / p99, ms", "streams_ttft_p50_ms", "streams_ttft_p99_ms"),
        row("1,000 streams: CPU, s", "streams_cpu_s", digits=2),
        row("1,000 streams: memory, KiB a stream", "stream_kib", digits=1),
    ]
    for count in CONNECTIONS:
        table.append(row(f"requests/s, connections: {count}", f"rps_{count}"))
    for count in CONNECTIONS:
        texts = [
            "–" if server == DIRECT
            else _pair(results.added(server, f"p50_ms_{count}"), results.added(server, f"p99_ms_{count}"), 2)
            for server in SERVERS
        ]  # fmt: skip
        table.append((f"added p50 / p99, connections: {count}, ms", texts))
    table.append(row("CPU per request, connections: 32, µs", "request_cpu_us_32"))
    for kind, name in ABORT_KINDS.items():
        table.append((f"abort {name}, median / max, ms", [_abort(results, server, kind) for server in SERVERS]))
    return [(name, texts) for name, texts in table if any(text != "–" for text in texts)]


def markdown(results: Results) -> str:
    heads = ["", DIRECT, NGINX, "gateway, same dialect", "gateway, Ollama → OpenAI"]
    lines = ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(SERVERS)]
    lines += ["| " + " | ".join([name, *texts]) + " |" for name, texts in rows(results)]
    return "\n".join(lines)


def missed_targets(results: Results) -> list[str]:
    """A sentence for every target that was measured and not reached."""
    missed = []
    ratio = results.ratio(SAME, "chunk_cpu_us")
    if ratio is not None and ratio > MAX_CHUNK_CPU_RATIO:
        missed.append(f"CPU per chunk, same dialect: {ratio:.1f} times nginx's; at most {MAX_CHUNK_CPU_RATIO:g}.")
    for server in GATEWAYS:
        whole = results.values(server, "streams_ok")
        if whole and min(whole) < 1000:
            missed.append(f"{server}: {min(whole):.0f} of 1,000 streams were whole: {results.errors[server]}.")
        if failed := sum(results.values(server, "requests_failed")):
            missed.append(f"{server}: {failed:.0f} requests were not answered with 200.")
        for kind, name in ABORT_KINDS.items():
            samples = results.samples[server].get(f"abort_{kind}", [])
            if any(sample is None or sample > MAX_ABORT_MS for sample in samples):
                told = ["never" if sample is None else round(sample, 1) for sample in samples]
                missed.append(f"{server}: an abort {name} took longer than {MAX_ABORT_MS:g} ms: {told}.")
        idle = results.figure(server, "idle_pss_mib")
        if idle is not None and idle > MAX_IDLE_MIB:
            missed.append(f"{server}: idle memory is {idle:.1f} MiB; at most {MAX_IDLE_MIB:g}.")
    return missed


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    processor = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "processor": processor[1] if processor else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def nginx_version() -> str:
    said = subprocess.run([needed("nginx"), "-v"], capture_output=True, text=True, check=False).stderr
    return said.strip().rpartition("/")[2]
