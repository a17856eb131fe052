"""A pull: progress as it comes, an end that is true, and a backend that is let go when the client leaves."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.fake_backend import (
    Bytes,
    Chunks,
    End,
    FakeBackend,
    Fin,
    Hang,
    Head,
    Pause,
    RawBytes,
    Reset,
    Status,
    Step,
    UntilClientLeaves,
    WaitFor,
)
from tests.fake_dialects import JOBS, pull_lines
from tests.gateway.managed import ANCHOR, Pair, error, listed
from tests.gateway.wire import Wire
from tests.running_gateway import ROOT, RunningGateway

PULL = "/models/pull"
UPSTREAM = "/api/pull"
SMALL = "smollm2:135m"
NDJSON = Head(200, {"content-type": "application/x-ndjson"})


def lines(answer: requests.Response) -> list[dict[str, Any]]:
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
    return [json.loads(line) for line in answer.text.splitlines()]


def last_of(answer: requests.Response) -> dict[str, Any]:
    """The last line, or the whole of an answer that never became lines."""
    told: dict[str, Any] = json.loads(answer.text.splitlines()[-1])
    return told


def check_progress(told: list[dict[str, Any]]) -> None:
    """Every line but the last has the same fields, and nothing goes back."""
    *progress, last = told
    assert last.keys() in ({"status", "model"}, {"error"})
    assert all(line.keys() == {"status", "detail", "completed", "total", "fraction"} for line in progress)
    phases = ["starting", "downloading", "verifying"]
    for field, rank in (("status", phases.index), ("completed", float), ("total", float), ("fraction", float)):
        values = [rank(line[field]) for line in progress if line[field] is not None]
        assert values == sorted(values), field
    assert all(line["fraction"] is None or 0 <= line["fraction"] <= 1 for line in progress)


# -- Ollama


def test_a_pull_ends_with_the_model_which_is_listed_then(ollama: Pair) -> None:
    fake, gateway = ollama

    answer = gateway.post(PULL, {"model": SMALL})

    told = lines(answer)
    check_progress(told)
    assert [line["status"] for line in told].count("done") == 1
    assert told[-1] == {"status": "done", "model": gateway.get(f"/models/{SMALL}").json()}
    assert SMALL in listed(gateway)
    assert fake.requests_to(UPSTREAM)[-1].json == {"model": SMALL}
    assert answer.headers["x-passerelle-backend"] == "ollama"


def test_each_line_comes_at_once(ollama: Pair) -> None:
    fake, gateway = ollama
    manifest, begun, half, whole, *rest = pull_lines(2000)
    gates = [threading.Event() for _ in range(3)]
    steps: list[Step] = [NDJSON, Chunks([manifest, begun])]
    for gate, line in zip(gates, (half, whole, rest[0]), strict=True):
        steps += [WaitFor(gate), Bytes(line)]
    fake.script(UPSTREAM, *steps, Chunks(rest[1:]), End())
    fake.fake.add(SMALL)
    wire = Wire(gateway)
    wire.ask(PULL, {"model": SMALL})

    seen = [next_line(wire, "starting", None), next_line(wire, "downloading", 0)]
    for gate, phase, completed in zip(
        gates, ("downloading", "downloading", "verifying"), (1000, 2000, 2000), strict=True
    ):
        gate.set()
        seen.append(next_line(wire, phase, completed))
    wire.close()

    assert [line["detail"] for line in seen[:2]] == ["pulling manifest", "pulling 000000000000"]
    assert [line["fraction"] for line in seen] == [None, 0.0, 0.5, 1.0, 1.0]


def next_line(wire: Wire, phase: str, completed: int | None) -> dict[str, Any]:
    """The next line that says so; a last line that is repeated as a sign of life is passed over."""
    while line := wire.line():
        told: dict[str, Any] = json.loads(line)
        if (told["status"], told["completed"]) == (phase, completed):
            return told
    raise AssertionError(f"{phase} {completed} did not come")


def test_layers_add_up(ollama: Pair) -> None:
    fake, gateway = ollama
    fake.script(UPSTREAM, NDJSON, *(step for line in pull_lines(3000, 1000, 40) for step in (Pause(0.02), Bytes(line))))

    told = lines(gateway.post(PULL, {"model": ANCHOR}))

    check_progress(told)
    assert (told[-2]["status"], told[-2]["completed"], told[-2]["total"]) == ("verifying", 4040, 4040)
    assert {line["total"] for line in told[:-1]} <= {None, 3000, 4000, 4040}


def test_a_name_that_is_in_no_library_has_a_real_status(ollama: Pair) -> None:
    _, gateway = ollama

    answer = gateway.post(PULL, {"model": "no-such-model"})

    assert error(answer) == (404, "model_not_found")
    assert "ollama.com/library" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "name",
    [
        "169.254.169.254/latest/meta-data",
        "192.168.0.1:5000/user/model:tag",
        "http://127.0.0.1:1/user/model",
        "https://hf.co/user/model",
        "evil.example/a/b",
        "hf.co.evil.example/a/b",
        "a/hf.co/b/c",
        "hf.co/a/b/c",
        "//a/b",
    ],
)
def test_ollama_is_never_sent_to_a_host_that_is_no_library(ollama: Pair, name: str) -> None:
    fake, gateway = ollama
    before = len(fake.requests_to(UPSTREAM))

    assert error(gateway.post(PULL, {"model": name})) == (400, "invalid_request")
    assert len(fake.requests_to(UPSTREAM)) == before


def test_a_model_of_hugging_face_is_pulled_by_its_whole_name(ollama: Pair) -> None:
    _, gateway = ollama
    name = "hf.co/bartowski/SmolLM2-135M-Instruct-GGUF:Q4_K_M"

    told = lines(gateway.post(PULL, {"model": name}))

    assert (told[-1]["status"], told[-1]["model"]["id"]) == ("done", name)


# -- a client that leaves


@pytest.mark.parametrize("with_reset", [False, True], ids=["fin", "reset"])
@pytest.mark.parametrize("phase", ["silent", "head", "starting", "downloading", "mid-line", "before the success"])
def test_leaving_lets_go_of_ollama_at_once(ollama: Pair, phase: str, with_reset: bool) -> None:
    fake, gateway = ollama
    told = pull_lines(2000)
    steps: dict[str, tuple[Step, ...]] = {
        "silent": (),
        "head": (NDJSON,),
        "starting": (NDJSON, Chunks(told[:1])),
        "downloading": (NDJSON, Chunks(told[:3])),
        "mid-line": (NDJSON, Chunks(told[:3]), Bytes(told[3][:20])),
        "before the success": (NDJSON, Chunks(told[:-1])),
    }
    n = len(fake.requests_to(UPSTREAM)) + 1
    reached = threading.Event()
    fake.script(UPSTREAM, *steps[phase], WaitFor(reached), UntilClientLeaves())
    wire = Wire(gateway)
    wire.send(PULL, {"model": SMALL})
    request = fake.wait_request(n, path=UPSTREAM)
    if phase not in ("silent", "head", "starting"):
        wire.head()
        assert wire.line()
    reached.set()

    left_at = wire.leave(with_reset)

    assert request.wait_closed(5)
    assert request.closed_at is not None
    assert request.closed_at - left_at < 1.5, "it was closed by a timeout, not by the client's leaving"


def test_an_aborted_pull_is_logged_as_one_and_counted_as_no_generation(ollama: Pair) -> None:
    fake, gateway = ollama
    before = gateway.get("/stats").json()["totals"]
    n = len(fake.requests_to(UPSTREAM)) + 1
    fake.script(UPSTREAM, NDJSON, Chunks(pull_lines(2000)[:3]), UntilClientLeaves())
    with requests.post(
        gateway.url + PULL, json={"model": SMALL}, headers={"X-Request-Id": "left"}, stream=True, timeout=10
    ) as answer:
        assert next(answer.iter_lines())

    assert fake.wait_request(n, path=UPSTREAM).wait_closed()
    gateway.wait_for_log(r"POST /models/pull 499 aborted backend=ollama duration=\d+ms id=left")
    gateway.post(PULL, {"model": SMALL}, headers={"X-Request-Id": "stayed"})
    gateway.wait_for_log(r"POST /models/pull 200 ok backend=ollama duration=\d+ms id=stayed")
    assert SMALL not in gateway.log
    assert gateway.get("/stats").json()["totals"] == before


def test_two_pull_the_same_model_and_one_leaves(ollama: Pair) -> None:
    fake, gateway = ollama
    told = pull_lines(2000)
    n = len(fake.requests_to(UPSTREAM))
    gate = threading.Event()
    for _ in range(2):
        fake.script(UPSTREAM, NDJSON, Chunks(told[:3]), WaitFor(gate), Chunks(told[3:]), End())
    fake.fake.add(SMALL)
    leaving, staying = Wire(gateway), Wire(gateway)
    leaving.ask(PULL, {"model": SMALL})
    first = fake.wait_request(n + 1, path=UPSTREAM)
    staying.ask(PULL, {"model": SMALL})
    second = fake.wait_request(n + 2, path=UPSTREAM)

    leaving.leave()
    assert first.wait_closed()
    gate.set()
    last = json.loads(staying.rest().splitlines()[-1])
    staying.close()

    assert (last["status"], last["model"]["id"]) == ("done", SMALL)
    assert second.wait_finished()


def test_two_pull_the_same_model_to_its_end(ollama: Pair) -> None:
    _, gateway = ollama

    with ThreadPoolExecutor(2) as pool:
        ends = [lines(answer)[-1] for answer in pool.map(lambda _: gateway.post(PULL, {"model": SMALL}), range(2))]

    assert [(end["status"], end["model"]["id"]) for end in ends] == [("done", SMALL)] * 2


SLOW = """
from gevent import monkey; monkey.patch_all()
import gevent, socket
from functools import partial
from backend.dialects.own.progress import ProgressStream
from backend.dialects.progress import Progress
from backend.observers.exchange import Observers
from backend.relay.client import Client
from backend.relay.deadlines import Deadlines
from backend.relay.meter import Meter
from backend.relay.pull import Pull
from backend.relay.relay import Relay
from backend.relay.watch import Watch

given = []
def flood():
    try:
        for number in range(10**9):
            yield Progress("downloading", "x" * 100, number, 10**9)
            given.append(len(relay._source._unsent))
            gevent.sleep(0)
    finally:
        print("closed", max(given), len(given) > 100)

ended = []
ours, theirs = socket.socketpair()
client = Client({"gunicorn.socket": ours, "SERVER_PROTOCOL": "HTTP/1.1"})
meter = Meter(Observers([lambda exchange: ended.append((exchange.outcome, exchange.status))]), "r", "POST", "/")
relay = Relay([partial(Pull, flood, lambda: None)], Watch(client), Deadlines(1, 0.3, 1), meter)
relay.open(1)
relay.stream(ProgressStream(), lambda data: None)
gevent.sleep(0)
print(ended)
"""


def test_a_client_that_does_not_read_costs_no_memory_and_is_given_up() -> None:
    ran = subprocess.run([sys.executable, "-c", SLOW], cwd=ROOT, capture_output=True, text=True, timeout=20)

    assert ran.stdout.splitlines() == ["closed 1 True", "[('aborted', 499)]"], ran.stderr


# -- a backend that fails


@pytest.mark.parametrize("end", [Fin(), Reset(), End()], ids=["fin", "reset", "end"])
@pytest.mark.parametrize("count", range(1, 7))
def test_a_pull_that_is_cut_never_ends_as_done(ollama: Pair, count: int, end: Step) -> None:
    fake, gateway = ollama
    read = threading.Event()
    fake.script(UPSTREAM, NDJSON, Chunks(pull_lines(2000)[:count]), WaitFor(read), end)
    wire = Wire(gateway)
    wire.send(PULL, {"model": ANCHOR})
    if count == 1:
        read.set()
    response = wire.head()
    read.set()
    told = [json.loads(line) for line in wire.rest().splitlines()]
    wire.close()

    assert response.status == (502 if count == 1 else 200)
    assert told[-1]["error"]["code"] == "truncated"
    assert not [line for line in told if line.get("status") == "done"]
    if count > 1:
        check_progress(told)


def test_a_backend_that_dies_in_mid_pull_is_an_error_line() -> None:
    with (
        FakeBackend("ollama") as fake,
        RunningGateway(BACKEND="ollama", OLLAMA_URL=fake.url, MANAGE_MODELS="true") as gateway,
    ):
        fake.script(UPSTREAM, NDJSON, Chunks(pull_lines(2000)[:3]), Hang())
        wire = Wire(gateway)
        wire.ask(PULL, {"model": SMALL})
        assert wire.line()
        fake.stop()
        last = json.loads(wire.rest().splitlines()[-1])
        after = gateway.post(PULL, {"model": SMALL})
        wire.close()

    assert last["error"]["code"] == "truncated"
    assert error(after) == (503, "backend_unavailable")


def test_a_success_that_cannot_be_looked_up_is_no_done(ollama: Pair) -> None:
    fake, gateway = ollama
    fake.script(UPSTREAM, NDJSON, Chunks(pull_lines(2000)), End())
    fake.script("/api/tags", Status(500, body={"error": "disk gone"}))

    told = lines(gateway.post(PULL, {"model": ANCHOR}))

    assert told[-1]["error"]["code"] == "backend_error"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"error":"write /blobs/x: no space left on device"}', "backend_error"),
        (b'{"error":{"message":"odd"}}', "backend_error"),
        (b'{"status":"pulling a","digest":"a","total":-5}', "backend_error"),
        (b'{"status":"pulling a","digest":"a","total":"5"}', "backend_error"),
        (b'{"status":"pulling a","digest":"a","total":5,"completed":"4"}', "backend_error"),
        (b'{"status":"pulling a","digest":"a","total":5,"completed":-4}', "backend_error"),
        (b'{"status":"pulling a","digest":"a","total":1e400}', "backend_error"),
        (b'{"status":"pulling a","digest":"a","total":99999999999999999999}', "backend_error"),
        (b'{"status":"pulling a","digest":"a","total":true}', "backend_error"),
        (b'{"status":"pulling a","digest":["a"],"total":5}', "backend_error"),
        (b'{"status":5}', "backend_error"),
        (b"[]", "backend_error"),
        (b"null", "backend_error"),
        (b"<html>", "backend_error"),
        (b"\xff\xfe", "backend_error"),
        (b'{"status":"' + b"x" * 100_000 + b'"}', "answer_too_large"),
    ],
)
def test_nonsense_in_mid_pull_is_one_sentence(ollama: Pair, line: bytes, code: str) -> None:
    fake, gateway = ollama
    before = pull_lines(2000)[:3]
    fake.script(UPSTREAM, NDJSON, Chunks([*before, line + b"\n", *pull_lines(2000)[3:]]), End())

    answer = gateway.post(PULL, {"model": ANCHOR})

    told = last_of(answer)
    assert told["error"]["code"] == code
    assert len(told["error"]["message"]) < 400
    assert "\n" not in told["error"]["message"]


def test_a_refusal_without_an_end_is_given_up_early(ollama: Pair) -> None:
    fake, gateway = ollama
    fake.script(UPSTREAM, Status(500, body=b"x" * 2**20 * 20))

    assert last_of(gateway.post(PULL, {"model": SMALL}))["error"]["code"] == "answer_too_large"


def test_a_line_without_an_end_is_given_up_early(ollama: Pair) -> None:
    fake, gateway = ollama
    n = len(fake.requests_to(UPSTREAM)) + 1
    fake.script(UPSTREAM, NDJSON, *[Bytes(b"x" * 2**20)] * 100)

    answer = gateway.post(PULL, {"model": ANCHOR})

    assert last_of(answer)["error"]["code"] == "answer_too_large"
    request = fake.wait_request(n, path=UPSTREAM)
    assert request.wait_closed()
    assert request.sent < 20 * 2**20


def test_a_body_that_is_one_endless_chunk_is_read_as_it_comes(ollama: Pair) -> None:
    fake, gateway = ollama
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n7fffffff\r\n"
    fake.script(UPSTREAM, RawBytes(head + b"".join(pull_lines(2000)[:3])), UntilClientLeaves())
    wire = Wire(gateway)
    wire.ask(PULL, {"model": ANCHOR})

    assert next_line(wire, "downloading", 1000)
    wire.close()


def test_a_body_without_chunks_is_read_as_it_comes(ollama: Pair) -> None:
    fake, gateway = ollama
    bare = Head(200, {"content-type": "application/x-ndjson"}, chunked=False)
    read = threading.Event()
    fake.script(UPSTREAM, bare, Bytes(b"".join(pull_lines(2000)[:3])), WaitFor(read), Bytes(pull_lines(9)[-1]), Fin())
    wire = Wire(gateway)
    wire.ask(PULL, {"model": ANCHOR})

    assert next_line(wire, "downloading", 1000)
    read.set()
    assert json.loads(wire.rest().splitlines()[-1])["status"] == "done"
    wire.close()


def test_more_layers_than_any_model_has_are_given_up(ollama: Pair) -> None:
    fake, gateway = ollama
    fake.script(UPSTREAM, NDJSON, Bytes(b"".join(pull_lines(*[10] * 1001))), End())

    answer = gateway.post(PULL, {"model": ANCHOR})

    assert last_of(answer)["error"]["code"] == "backend_error"


@pytest.mark.parametrize(
    ("steps", "status", "code"),
    [
        ((Status(400, body={"error": "invalid model name"}),), 400, "invalid_request"),
        ((Status(500, body={"error": "pull model manifest: file does not exist"}),), 404, "model_not_found"),
        ((Status(500, body={"error": "dial tcp: lookup registry.ollama.ai: no such host"}),), 502, "backend_error"),
        ((Status(404, body=b"404 page not found"),), 502, "backend_error"),
        ((Status(302, {"location": "http://127.0.0.1:1/"}, b""),), 502, "backend_error"),
        ((NDJSON, Bytes(b'{"error":"max retries exceeded"}\n'), End()), 502, "backend_error"),
        ((Reset(),), 502, "backend_error"),
        ((RawBytes(b"SSH-2.0-OpenSSH_9.2\r\n"), Fin()), 502, "backend_error"),
    ],
)
def test_a_failure_before_the_first_byte_has_a_real_status(
    ollama: Pair, steps: tuple[Step, ...], status: int, code: str
) -> None:
    fake, gateway = ollama
    fake.script(UPSTREAM, *steps)

    assert error(gateway.post(PULL, {"model": SMALL})) == (status, code)


# -- silence


def test_a_silent_backend_shows_signs_of_life_and_then_its_timeout(ollama: Pair) -> None:
    fake, gateway = ollama
    n = len(fake.requests_to(UPSTREAM)) + 1
    fake.script(UPSTREAM, NDJSON, Chunks(pull_lines(2000)[:3]), Hang())

    told = lines(gateway.post(PULL, {"model": ANCHOR}))

    check_progress(told)
    assert told[-1]["error"]["code"] == "backend_timeout"
    assert len([line for line in told if line.get("completed") == 1000]) >= 3, "the last line is repeated"
    assert fake.wait_request(n, path=UPSTREAM).wait_closed()


def test_a_backend_that_takes_its_time_to_begin_does_not_look_dead(ollama: Pair) -> None:
    fake, gateway = ollama
    begin = threading.Event()
    fake.script(UPSTREAM, WaitFor(begin), NDJSON, Chunks(pull_lines(2000)), End())
    wire = Wire(gateway)

    wire.ask(PULL, {"model": ANCHOR})
    first = json.loads(wire.line())
    begin.set()
    told = [first, *(json.loads(line) for line in wire.rest().splitlines())]
    wire.close()

    check_progress(told)
    assert first == {"status": "starting", "detail": "", "completed": None, "total": None, "fraction": None}
    assert told[-1]["status"] == "done"


def test_bytes_that_say_nothing_are_silence(ollama: Pair) -> None:
    fake, gateway = ollama
    fake.script(UPSTREAM, NDJSON, *[step for _ in range(100) for step in (Bytes(b"\n"), Pause(0.1))])

    told = lines(gateway.post(PULL, {"model": ANCHOR}))

    assert told[-1]["error"]["code"] == "backend_timeout"


def test_a_pull_longer_than_the_idle_timeout_is_not_cut(ollama: Pair) -> None:
    fake, gateway = ollama
    told = pull_lines(2000)
    steps = [step for line in (*told[:2], *[told[2]] * 4, *told[3:]) for step in (Bytes(line), Pause(0.25))]
    fake.script(UPSTREAM, NDJSON, *steps, End())

    assert lines(gateway.post(PULL, {"model": ANCHOR}))[-1]["status"] == "done"


# -- LM Studio


def test_lm_studios_job_is_asked_about_until_it_is_done(lmstudio: Pair) -> None:
    fake, gateway = lmstudio

    told = lines(gateway.post(PULL, {"model": "ibm/granite-4-micro"}))

    check_progress(told)
    assert [line["status"] for line in told].count("done") == 1
    assert (told[-1]["model"]["id"], told[-1]["model"]["is_loaded"]) == ("ibm/granite-4-micro", False)
    assert {(line["completed"], line["total"]) for line in told[:-1]} == {(0, 2000), (1000, 2000)}
    assert "ibm/granite-4-micro" in listed(gateway)
    assert fake.requests_to("/api/v1/models/download")[-1].json == {"model": "ibm/granite-4-micro"}


def test_what_lm_studio_has_already_is_done_at_once(lmstudio: Pair) -> None:
    _, gateway = lmstudio

    told = lines(gateway.post(PULL, {"model": "qwen/qwen3-8b"}))

    assert told[-1]["status"] == "done"
    assert told[-1]["model"]["id"] == "qwen/qwen3-8b"


def test_a_model_that_lm_studio_names_otherwise_is_described_all_the_same(lmstudio: Pair) -> None:
    fake, gateway = lmstudio
    fake.script("/api/v1/models/download", Status(200, body={"job_id": "job_x", "status": "downloading"}))
    fake.script(JOBS + "job_x", Status(200, body={"job_id": "job_x", "status": "completed"}))
    wire = Wire(gateway)
    wire.ask(PULL, {"model": "https://huggingface.co/openai/gpt-oss-20b-GGUF"})
    assert wire.line()
    fake.fake.add("openai/gpt-oss-20b")

    last = json.loads(wire.rest().splitlines()[-1])
    wire.close()

    assert (last["status"], last["model"]["id"]) == ("done", "openai/gpt-oss-20b")


def test_leaving_stops_the_asking_and_sends_lm_studio_nothing(lmstudio: Pair) -> None:
    fake, gateway = lmstudio
    fake.script("/api/v1/models/download", Status(200, body={"job_id": "job_left", "status": "downloading"}))
    fake.always(JOBS + "job_left", Status(200, body={"job_id": "job_left", "status": "downloading"}))
    with requests.post(
        gateway.url + PULL, json={"model": "a/b"}, headers={"X-Request-Id": "job-left"}, stream=True, timeout=10
    ) as answer:
        assert next(answer.iter_lines())
    gateway.wait_for_log(r"POST /models/pull 499 aborted .*id=job-left")
    asked = len(fake.requests_to(JOBS + "job_left"))

    gateway.post(PULL, {"model": "ibm/granite-4-micro"})  # takes longer than the pause between two questions

    assert len(fake.requests_to(JOBS + "job_left")) == asked
    assert {request.method for request in fake.requests_to(JOBS + "job_left")} <= {"GET"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"status": "failed", "job_id": "job_1"}, "backend_error"),
        ({"status": "downloading"}, "backend_error"),
        ({"status": "downloading", "job_id": "../../v1/models"}, "backend_error"),
        ({"status": "downloading", "job_id": 5}, "backend_error"),
        ({"status": "downloading", "job_id": "j", "total_size_bytes": "2 GB"}, "backend_error"),
        ({"status": "downloading", "job_id": "j", "total_size_bytes": -1}, "backend_error"),
        ({"status": ["completed"]}, "backend_error"),
        ({"status": "odd", "job_id": "j"}, "backend_error"),
        ({}, "backend_error"),
    ],
)
def test_a_job_that_makes_no_sense_is_an_error(lmstudio: Pair, body: dict[str, Any], code: str) -> None:
    fake, gateway = lmstudio
    fake.script("/api/v1/models/download", Status(200, body=body))

    assert error(gateway.post(PULL, {"model": "a/b"})) == (502, code)


def test_a_job_that_fails_on_its_way_is_an_error_line(lmstudio: Pair) -> None:
    fake, gateway = lmstudio
    fake.script("/api/v1/models/download", Status(200, body={"job_id": "job_f", "status": "downloading"}))
    fake.script(JOBS + "job_f", Status(200, body={"job_id": "job_f", "status": "failed"}))

    told = lines(gateway.post(PULL, {"model": "a/b"}))

    assert told[-1]["error"]["code"] == "backend_error"
    assert not [line for line in told if line.get("status") == "done"]


@pytest.mark.parametrize("name", ["http://127.0.0.1:1/x", "https://evil.example/a/b", "file:///etc/passwd"])
def test_lm_studio_is_given_no_address_but_hugging_faces(lmstudio: Pair, name: str) -> None:
    fake, gateway = lmstudio
    before = len(fake.requests_to("/api/v1/models/download"))

    assert error(gateway.post(PULL, {"model": name})) == (400, "invalid_request")
    assert len(fake.requests_to("/api/v1/models/download")) == before


def test_a_name_that_lm_studio_does_not_know_is_not_found(lmstudio: Pair) -> None:
    _, gateway = lmstudio

    assert error(gateway.post(PULL, {"model": "no/such"})) == (404, "model_not_found")
