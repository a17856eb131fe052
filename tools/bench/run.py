"""`make bench`: the gateway beside nginx and no server at all, all of them before the same stub upstream.

Every round starts every server afresh, one after the other, so that a noisy minute hits all of them. Prints a
Markdown table; ends with 1 when a target is missed, with 2 when it could not measure.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import hotspots
import measures
import report
import servers
from report import ABORT_KINDS, CONNECTIONS, DIRECT, GATEWAYS, NGINX, SAME, SERVERS, TRANSLATED, Results
from servers import BenchError, Server

MEASURES = ("start", "cpu", "streams", "requests", "abort")
DIALECTS = {SAME: "openai", TRANSLATED: "ollama"}  # what the gateway's upstream speaks; its clients speak OpenAI's


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. Aborts are measured in the first round only: their number of trials is enough."""

    rounds: int
    request_seconds: int
    abort_trials: int
    only: frozenset[str]
    servers: frozenset[str]


class Bench:
    def __init__(self, plan: Plan, stub_port: int) -> None:
        self._plan = plan
        self._stub_port = stub_port
        self.results = Results()

    def run(self) -> None:
        for number in range(self._plan.rounds):
            for name in SERVERS:
                if name not in self._plan.servers:
                    continue
                say(f"round {number + 1} of {self._plan.rounds}: {name}")
                if name in GATEWAYS and "start" in self._plan.only:
                    self._first_start(name)
                with self._start(name) as server:
                    self._measure(name, server, is_first_round=number == 0)

    def _start(self, name: str) -> AbstractContextManager[Server]:
        if name == DIRECT:
            return servers.direct(self._stub_port)
        if name == NGINX:
            return servers.nginx(self._stub_port)
        return servers.gateway(self._stub_port, DIALECTS[name])

    def _first_start(self, name: str) -> None:
        """A start for which Python has no compiled module of ours or of any package."""
        bytecode = Path(tempfile.mkdtemp(prefix="bytecode-", dir=servers.WORK))
        try:
            with servers.gateway(self._stub_port, DIALECTS[name], bytecode) as server:
                self.results.add(name, {"first_start_ms": server.start_ms})
        finally:
            shutil.rmtree(bytecode)

    def _measure(self, name: str, server: Server, is_first_round: bool) -> None:
        only, add = self._plan.only, self.results.add
        if "start" in only and server.process:
            add(name, {"start_ms": server.start_ms, **measures.idle_memory(server)})
        measures.warm_up(server)
        # Streams before requests: 256 connections would grow the heap that the streams' memory is measured by.
        if "cpu" in only:
            add(name, measures.chunk_cpu(server))
            add(name, measures.stream_cpu(server))
        if "streams" in only:
            numbers, errors = measures.thousand_streams(server)
            add(name, numbers)
            self.results.errors[name] += [errors] if errors else []
        if "requests" in only:
            for connections in CONNECTIONS:
                add(name, measures.requests(server, connections, self._plan.request_seconds))
        if "abort" in only and is_first_round and server.process:
            for kind in ABORT_KINDS:
                for delay_ms in measures.aborts(server, self._stub_port, kind, self._plan.abort_trials):
                    add(name, {f"abort_{kind}": delay_ms})


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def warn_of_noise() -> float:
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > cores / 2:
        say(f"Warning: the load average is {load:.1f} on {cores} cores; figures will be worse than they should be.")
    return load


def raise_descriptor_limit() -> None:
    """1,000 streams take 2,000 descriptors of the gateway and 1,000 of the load generator; children inherit this."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < 4096:
        raise BenchError(f"Only {hard} open files are allowed; the 1,000 streams need 4096 (ulimit -Hn).")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round, under a minute")
    parser.add_argument("--only", default=",".join(MEASURES), help="some of " + ",".join(MEASURES))
    parser.add_argument("--servers", default=",".join(SERVERS), help="some of " + ", ".join(SERVERS))
    parser.add_argument("--rounds", type=int, help="how often every server is measured (default 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every sample there")
    parser.add_argument("--no-check", action="store_true", help="do not hold the figures against the targets")
    parser.add_argument("--profile", action="store_true", help="no table: where the CPU time goes (needs perf)")
    chosen = parser.parse_args()
    for option, known in (("only", MEASURES), ("servers", SERVERS)):
        names = frozenset(getattr(chosen, option).split(","))
        if not names <= frozenset(known):
            parser.error(f"--{option} wants some of " + ",".join(known))
        setattr(chosen, option, names)
    return chosen


def bench(chosen: argparse.Namespace) -> int:
    raise_descriptor_limit()
    servers.build()
    load = warn_of_noise()
    with servers.stub() as stub:
        if chosen.profile:
            hotspots.show(stub.port)
            return 0
        plan = Plan(
            rounds=chosen.rounds or (1 if chosen.quick else 3),
            request_seconds=1 if chosen.quick else 2,
            abort_trials=5 if chosen.quick else 20,
            only=chosen.only,
            servers=chosen.servers,
        )
        run = Bench(plan, stub.port)
        run.run()
    machine = {
        **report.machine(),
        "nginx": report.nginx_version(),
        "load_before": round(load, 2),
        "rounds": plan.rounds,
    }
    print(", ".join(f"{name.replace('_', ' ')} {value}" for name, value in machine.items()) + "\n")
    print(report.markdown(run.results))
    missed = report.missed_targets(run.results)
    if chosen.json:
        figures = {"machine": machine, "samples": run.results.samples, "missed_targets": missed}
        chosen.json.write_text(json.dumps(figures, indent=1) + "\n")
    for sentence in missed:
        say(f"Target missed: {sentence}")
    return 1 if missed and not chosen.no_check else 0


def main() -> int:
    # A polite kill ends the children too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return bench(arguments())
    except BenchError as error:
        say(str(error))
        return 2
    except subprocess.CalledProcessError as error:
        say(f"{error.cmd[0]} failed with {error.returncode}: {error.stderr or ''}")
        return 2
    except KeyboardInterrupt:
        say("Stopped.")
        return 130


if __name__ == "__main__":
    sys.exit(main())
