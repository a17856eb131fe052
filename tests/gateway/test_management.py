"""Models that are loaded, unloaded and deleted through the gateway: the backend really changes, and it shows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
import requests

from tests.fake_backend import Bytes, Chunks, Do, FakeBackend, FakeModel, Fin, Head, Reset, Status, Step, WaitFor
from tests.gateway.managed import ANCHOR, HUGGING, Pair, error, listed, refresh
from tests.gateway.wire import Wire, wait_until
from tests.running_gateway import RunningGateway

# -- Ollama


def test_a_loaded_model_is_described_as_loaded_and_listed_so(ollama: Pair) -> None:
    fake, gateway = ollama

    answer = gateway.post("/models/load", {"model": "llama3.2"})

    assert (answer.status_code, answer.json()["id"], answer.json()["is_loaded"]) == (200, "llama3.2:latest", True)
    assert answer.json() == gateway.get("/models/llama3.2").json() == listed(gateway)["llama3.2:latest"]
    assert fake.requests_to("/api/generate")[-1].json == {"model": "llama3.2:latest", "stream": False}


def test_an_embedding_model_is_loaded_by_embedding_nothing(ollama: Pair) -> None:
    fake, gateway = ollama

    answer = gateway.post("/models/load", {"model": "nomic-embed-text"})

    assert (answer.status_code, answer.json()["is_loaded"]) == (200, True)
    assert fake.requests_to("/api/embed")[-1].json == {"model": "nomic-embed-text:latest", "input": []}


def test_an_unloaded_model_is_listed_so_at_once(ollama: Pair) -> None:
    fake, gateway = ollama
    gateway.post("/models/load", {"model": HUGGING})

    answer = gateway.post("/models/unload", {"model": HUGGING})

    assert (answer.status_code, answer.json()["is_loaded"]) == (200, False)
    assert not listed(gateway)[HUGGING]["is_loaded"]
    assert fake.requests_to("/api/generate")[-1].json == {"model": HUGGING, "keep_alive": 0, "stream": False}


def test_an_unload_waits_until_ollama_has_really_let_go(ollama: Pair) -> None:
    fake, gateway = ollama
    lingering = {"models": [{"name": "llama3.2:latest", "model": "llama3.2:latest"}]}
    for _ in range(2):
        fake.script("/api/ps", Status(200, body=lingering))

    answer = gateway.post("/models/unload", {"model": "llama3.2"})

    assert answer.json()["is_loaded"] is False


def test_a_deleted_model_is_gone(ollama: Pair) -> None:
    fake, gateway = ollama

    answer = requests.delete(f"{gateway.url}/models/{HUGGING}", timeout=10)

    assert (answer.status_code, answer.json()) == (200, {"id": HUGGING, "object": "model", "deleted": True})
    assert HUGGING not in listed(gateway)
    assert error(gateway.get(f"/models/{HUGGING}")) == (404, "model_not_found")
    sent = fake.requests_to("/api/delete")[-1]
    assert (sent.method, sent.json) == ("DELETE", {"model": HUGGING})


def test_openais_sdk_deletes_at_its_own_address(ollama: Pair) -> None:
    _, gateway = ollama

    with openai.OpenAI(base_url=gateway.url + "/v1", api_key="none", max_retries=0) as client:
        deleted = client.models.delete("llama3.2:latest")

    assert (deleted.id, deleted.deleted) == ("llama3.2:latest", True)
    assert "llama3.2:latest" not in listed(gateway)


def test_a_model_is_taken_out_of_memory_before_it_is_deleted(ollama: Pair) -> None:
    fake, gateway = ollama
    before = len(fake.requests)

    requests.delete(f"{gateway.url}/models/llama3.2", timeout=10)

    paths = [request.path for request in fake.requests[before:]]
    assert paths.index("/api/generate") < paths.index("/api/delete")


def test_a_client_that_leaves_does_not_stop_a_load(ollama: Pair) -> None:
    fake, gateway = ollama
    n = len(fake.requests_to("/api/generate")) + 1
    loaded = threading.Event()
    done = {"model": "llama3.2:latest", "done": True, "done_reason": "load"}
    become_loaded = Do(lambda: fake.fake.change(fake.models[1], is_loaded=True))
    fake.script("/api/generate", WaitFor(loaded), become_loaded, Status(200, body=done))
    wire = Wire(gateway)
    wire.send("/models/load", {"model": "llama3.2"})
    request = fake.wait_request(n, path="/api/generate")

    wire.leave()

    assert not request.wait_closed(0.3)
    loaded.set()
    assert request.wait_finished(5)
    wait_until(lambda: listed(gateway)["llama3.2:latest"]["is_loaded"])


def test_two_who_load_the_same_model_load_it_once(lmstudio: Pair) -> None:
    fake, gateway = lmstudio
    path = "/api/v1/models/load"
    n = len(fake.requests_to(path)) + 1
    loaded = threading.Event()
    become_loaded = Do(lambda: fake.fake.change(fake.models[1], is_loaded=True))
    fake.script(path, WaitFor(loaded), become_loaded, Status(200, body={"instance_id": "x", "status": "loaded"}))

    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(gateway.post, "/models/load", {"model": "google/gemma-3-4b"}) for _ in range(2)]
        fake.wait_request(n, path=path)
        loaded.set()
        told = [answer.result() for answer in answers]

    assert [(answer.status_code, answer.json()["is_loaded"]) for answer in told] == [(200, True)] * 2
    assert len(fake.requests_to(path)) == n


def test_a_listing_that_was_asked_for_before_a_change_is_not_taken_for_one_after_it(ollama: Pair) -> None:
    fake, gateway = ollama
    path = "/api/ps"
    n = len(fake.requests_to(path))
    loads = len(fake.requests_to("/api/generate"))
    answer = threading.Event()
    nothing = Status(200, body={"models": []})
    fake.script(path, nothing)  # for the unloading itself
    fake.script(path, WaitFor(answer), nothing)  # for the listing after it

    with ThreadPoolExecutor(2) as pool:
        unloaded = pool.submit(gateway.post, "/models/unload", {"model": ANCHOR})
        fake.wait_request(n + 2, path=path)
        loaded = pool.submit(gateway.post, "/models/load", {"model": "llama3.2"})
        assert fake.wait_request(loads + 2, path="/api/generate").wait_finished()
        answer.set()

        assert unloaded.result().status_code == 200
        assert loaded.result().json()["is_loaded"] is True


# -- LM Studio


def test_lm_studio_loads_and_unloads(lmstudio: Pair) -> None:
    fake, gateway = lmstudio

    loaded = gateway.post("/models/load", {"model": "google/gemma-3-4b"})
    listed_then = listed(gateway)["google/gemma-3-4b"]["is_loaded"]
    unloaded = gateway.post("/models/unload", {"model": "google/gemma-3-4b"})

    assert (loaded.status_code, loaded.json()["is_loaded"], listed_then) == (200, True, True)
    assert (unloaded.status_code, unloaded.json()["is_loaded"]) == (200, False)
    assert fake.requests_to("/api/v1/models/load")[-1].json == {"model": "google/gemma-3-4b"}


def test_lm_studio_is_not_asked_to_load_a_model_twice(lmstudio: Pair) -> None:
    """It would load a second copy."""
    fake, gateway = lmstudio
    gateway.post("/models/load", {"model": "qwen/qwen3-8b"})
    before = len(fake.requests_to("/api/v1/models/load"))

    again = gateway.post("/models/load", {"model": "qwen/qwen3-8b"})

    assert again.json()["is_loaded"] is True
    assert len(fake.requests_to("/api/v1/models/load")) == before


@pytest.mark.parametrize("name", ["google/gemma-3-4b", "google/gemma-3-4b:2", "google/gemma-3-4b@q4_k_m"])
def test_all_copies_are_unloaded_by_whichever_name(lmstudio: Pair, name: str) -> None:
    fake, gateway = lmstudio
    copies = ("google/gemma-3-4b", "google/gemma-3-4b:2")
    fake.fake.change(fake.models[1], is_loaded=True, instances=copies)
    refresh(gateway)

    answer = gateway.post("/models/unload", {"model": name})

    assert (answer.json()["id"], answer.json()["is_loaded"]) == ("google/gemma-3-4b", False)
    assert [sent.json["instance_id"] for sent in fake.requests_to("/api/v1/models/unload")[-2:]] == list(copies)


def test_lm_studio_says_where_to_delete_instead(lmstudio: Pair) -> None:
    _, gateway = lmstudio

    answer = requests.delete(f"{gateway.url}/models/google/gemma-3-4b", timeout=10)

    assert error(answer) == (400, "unsupported")
    assert "My Models" in answer.json()["error"]["message"]


def test_an_older_lm_studio_is_told_to_be_updated(lmstudio: Pair) -> None:
    fake, gateway = lmstudio
    unknown = Status(200, body={"error": "Unexpected endpoint or method. (POST /api/v1/models/load)"})
    fake.script("/api/v1/models/load", unknown)

    answer = gateway.post("/models/load", {"model": "qwen/qwen3-8b"})

    assert error(answer) == (400, "unsupported")
    assert "0.4.0" in answer.json()["error"]["message"]


# -- what may go wrong


@pytest.mark.parametrize("verb", ["load", "unload", "delete"])
def test_an_unknown_model_is_not_found_and_the_backend_is_not_asked(ollama: Pair, verb: str) -> None:
    fake, gateway = ollama
    changes = ("/api/generate", "/api/delete")
    before = sum(len(fake.requests_to(path)) for path in changes)

    if verb == "delete":
        answer = requests.delete(f"{gateway.url}/models/no/such:model", timeout=10)
    else:
        answer = gateway.post(f"/models/{verb}", {"model": "no/such:model"})

    assert error(answer) == (404, "model_not_found")
    assert sum(len(fake.requests_to(path)) for path in changes) == before


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"model": ""},
        {"model": " "},
        {"model": None},
        {"model": 5},
        {"model": ["llama3.2"]},
        {"model": {"name": "llama3.2"}},
        {"model": "a" * 513},
        {"model": "llama3.2\n"},
        {"model": "llama\x1b[2J"},
        {"model": "llama3.2", "force": 1},
        {"model": "llama3.2", "insecure": True},
        {"model": "llama3.2", "url": "http://127.0.0.1:1"},
        [],
        "llama3.2",
    ],
)
@pytest.mark.parametrize("verb", ["load", "unload", "pull"])
def test_a_body_that_is_not_just_a_name_is_refused(ollama: Pair, verb: str, body: object) -> None:
    _, gateway = ollama

    assert error(gateway.post(f"/models/{verb}", body)) == (400, "invalid_request")


def test_a_form_of_another_page_is_refused(ollama: Pair) -> None:
    fake, gateway = ollama
    before = len(fake.requests_to("/api/generate"))
    foreign = {"Origin": "http://evil.example", "Content-Type": "application/json"}
    simple = {"Content-Type": "text/plain"}
    url, body = gateway.url + "/models/unload", b'{"model": "llama3.2"}'

    assert error(requests.post(url, body, headers=foreign, timeout=10)) == (403, "origin_not_allowed")
    assert error(requests.post(url, body, headers=simple, timeout=10)) == (415, "unsupported_media_type")
    assert error(requests.delete(gateway.url + "/models/llama3.2", headers=foreign, timeout=10)) == (
        403,
        "origin_not_allowed",
    )
    assert len(fake.requests_to("/api/generate")) == before


@pytest.mark.parametrize(
    ("steps", "status", "code"),
    [
        ((Status(500, body={"error": "model requires more system memory (9 GiB)"}),), 502, "out_of_memory"),
        ((Status(500, body={"error": "llama runner process has terminated"}),), 502, "backend_error"),
        ((Status(200, body={"error": "model 'x' not found"}),), 404, "model_not_found"),
        ((Status(503, body={"error": "server busy"}),), 503, "backend_busy"),
        ((Status(302, {"location": "http://127.0.0.1:1/"}, b""),), 502, "backend_error"),
        ((Reset(),), 502, "backend_error"),
        ((Head(200), Bytes(b'{"done"'), Fin()), 502, "backend_error"),
        ((Head(200), Chunks([b"x" * 2**20] * 20)), 502, "answer_too_large"),
        ((WaitFor(threading.Event()),), 504, "backend_timeout"),
    ],
)
def test_a_failure_of_the_backend_is_told_as_everywhere(
    ollama: Pair, steps: tuple[Step, ...], status: int, code: str
) -> None:
    fake, gateway = ollama
    fake.script("/api/generate", *steps)

    answer = gateway.post("/models/load", {"model": "llama3.2"})

    assert error(answer) == (status, code)
    assert not listed(gateway)["llama3.2:latest"]["is_loaded"]


@pytest.mark.parametrize("body", [{}, {"status": "loaded"}, {"instance_id": 5}, {"instance_id": ["x"]}])
def test_a_load_that_lm_studio_does_not_confirm_is_none(lmstudio: Pair, body: dict[str, Any]) -> None:
    fake, gateway = lmstudio
    fake.script("/api/v1/models/load", Status(200, body=body))

    assert error(gateway.post("/models/load", {"model": "qwen/qwen3-8b"})) == (502, "backend_error")


# -- names that share their weights


@pytest.fixture
def sharing(ollama: Pair) -> Pair:
    """A model in memory, a copy of it, and another one of the same weights with a larger context."""
    fake, gateway = ollama
    copied = FakeModel("copied:latest", copy_of="first:latest")
    wide = FakeModel("wide:latest", weights="first:latest", num_ctx=8192)
    fake.models = [ANCHOR, FakeModel("first:latest", is_loaded=True), copied, wide]
    refresh(gateway)
    return fake, gateway


def test_a_copy_of_a_loaded_model_is_loaded_already(sharing: Pair) -> None:
    _, gateway = sharing

    assert gateway.get("/models/copied").json()["is_loaded"] is True
    assert gateway.get("/models/copied").json()["shares_with"] == ["first:latest", "wide:latest"]
    assert gateway.post("/models/load", {"model": "copied"}).json()["is_loaded"] is True
    memory = gateway.get("/stats").json()["memory"]["models"]
    assert [entry["id"] for entry in memory] == ["first:latest"], "it is there once"


@pytest.mark.parametrize(("verb", "name"), [("unload", "copied"), ("unload", "wide"), ("load", "wide")])
def test_another_names_model_is_taken_out_of_memory_only_by_force(sharing: Pair, verb: str, name: str) -> None:
    fake, gateway = sharing
    before = len(fake.requests_to("/api/generate"))

    refused = gateway.post(f"/models/{verb}", {"model": name})

    assert error(refused) == (409, "shared_model")
    assert "first:latest" in refused.json()["error"]["message"]
    assert len(fake.requests_to("/api/generate")) == before

    forced = gateway.post(f"/models/{verb}", {"model": name, "force": True})

    assert (forced.status_code, forced.json()["is_loaded"]) == (200, verb == "load")
    assert listed(gateway)["first:latest"]["is_loaded"] is False


def test_an_unload_waits_for_the_runner_whatever_name_it_has(sharing: Pair) -> None:
    fake, gateway = sharing
    lingering = {"models": [{"name": "first:latest", "model": "first:latest"}]}
    n = len(fake.requests_to("/api/ps"))
    for _ in range(2):
        fake.script("/api/ps", Status(200, body=lingering))

    gateway.post("/models/unload", {"model": "copied", "force": True})

    assert len(fake.requests_to("/api/ps")) >= n + 3


def test_deleting_one_name_leaves_the_other_in_memory(sharing: Pair) -> None:
    fake, gateway = sharing
    before = len(fake.requests_to("/api/generate"))

    assert requests.delete(f"{gateway.url}/models/copied", timeout=10).status_code == 200

    assert len(fake.requests_to("/api/generate")) == before
    assert listed(gateway)["first:latest"]["is_loaded"] is True


# -- cloud models

CLOUD = FakeModel("gpt-oss:120b-cloud", capabilities=("completion",), tagged=(), remote="https://ollama.example:443")


@pytest.fixture
def cloudy(ollama: Pair) -> Iterator[Pair]:
    fake, gateway = ollama
    fake.models = [CLOUD, ANCHOR]
    fake.fake.is_cloud_off = True
    refresh(gateway)
    yield fake, gateway
    fake.fake.is_cloud_off = False


def test_a_cloud_model_is_marked_and_never_the_default(cloudy: Pair) -> None:
    fake, gateway = cloudy

    marks = {id: model["is_cloud"] for id, model in listed(gateway).items()}
    assert marks == {CLOUD.name: True, ANCHOR: False, "use-multilingual": False}
    assert gateway.get("/models").json()["default_model"] == ANCHOR
    assert not [asked for asked in fake.requests_to("/api/show") if asked.json["model"] == CLOUD.name]


def test_nothing_is_said_to_a_cloud_model_unless_the_setting_allows_it(cloudy: Pair) -> None:
    fake, gateway = cloudy
    before = len(fake.requests)
    chat = {"model": CLOUD.name, "messages": [{"role": "user", "content": "My secret"}]}

    answers = [
        gateway.post("/v1/chat/completions", chat),
        gateway.post("/v1/chat/completions", {**chat, "stream": True}),
        gateway.post("/v1/completions", {"model": CLOUD.name, "prompt": "My secret"}),
        gateway.post("/v1/embeddings", {"model": CLOUD.name, "input": "My secret"}),
        gateway.post("/chat", {"model": CLOUD.name, "prompt": "My secret"}),
        gateway.post("/models/load", {"model": CLOUD.name}),
        gateway.post("/models/pull", {"model": "kimi-k2:cloud"}),
    ]

    for answer in answers:
        assert answer.status_code == 403
        assert answer.json().get("code") == "cloud_off" or error(answer) == (403, "cloud_off")
        assert "CLOUD_MODELS=true" in answer.text
    assert not [asked.path for asked in fake.requests[before:] if asked.method == "POST"]


def test_what_stands_for_a_cloud_model_is_deleted_with_the_cloud_switched_off(cloudy: Pair) -> None:
    fake, gateway = cloudy

    assert requests.delete(f"{gateway.url}/models/{CLOUD.name}", timeout=10).status_code == 200

    assert [model.name for model in fake.models] == [ANCHOR]


def test_the_setting_allows_cloud_models_but_makes_none_the_default() -> None:
    with (
        FakeBackend("ollama", [CLOUD]) as fake,
        RunningGateway(BACKEND="ollama", OLLAMA_URL=fake.url, CLOUD_MODELS="true", DEFAULT_MODEL=CLOUD.name) as gateway,
    ):
        said = {"messages": [{"role": "user", "content": "Hello"}]}

        named = gateway.post("/v1/chat/completions", {**said, "model": CLOUD.name})
        unnamed = gateway.post("/v1/chat/completions", said)

        assert named.status_code == 200
        assert error(unnamed) == (404, "model_not_found")
        assert gateway.get("/models").json()["default_model"] is None
        gateway.wait_for_log("is a cloud model, which is never the default")


# -- what is allowed, and what is possible


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/models/load"),
        ("POST", "/models/unload"),
        ("POST", "/models/pull"),
        ("DELETE", "/models/a/b:c"),
        ("DELETE", "/v1/models/a"),
    ],
)
def test_nothing_is_managed_unless_the_setting_says_so(ollama_pair: Pair, method: str, path: str) -> None:
    fake, gateway = ollama_pair
    before = len(fake.requests_to("/api/generate")) + len(fake.requests_to("/api/delete"))

    answer = requests.request(method, gateway.url + path, json={"model": "llama3.2"}, timeout=10)

    assert error(answer) == (403, "management_off")
    assert "MANAGE_MODELS=true" in answer.json()["error"]["message"]
    assert len(fake.requests_to("/api/generate")) + len(fake.requests_to("/api/delete")) == before


def test_health_tells_what_can_be_managed(ollama: Pair, lmstudio: Pair, ollama_pair: Pair, openai_pair: Pair) -> None:
    def manage(pair: Pair) -> dict[str, Any]:
        told: dict[str, Any] = pair[1].get("/health").json()["manage"]
        return told

    assert manage(ollama) == {"enabled": True, "can": ["load", "unload", "pull", "delete"]}
    assert manage(lmstudio) == {"enabled": True, "can": ["load", "unload", "pull"]}
    assert manage(ollama_pair) == {"enabled": False, "can": ["load", "unload", "pull", "delete"]}
    assert manage(openai_pair) == {"enabled": False, "can": []}


def test_backends_without_such_an_api_say_what_to_do(openai_pair: Pair) -> None:
    fake, _ = openai_pair
    for settings in (
        {"BACKEND": "openai", "OPENAI_URL": fake.url + "/v1"},
        {"BACKEND": "embedded"},
    ):
        with RunningGateway(**settings, MANAGE_MODELS="true") as gateway:
            answers = [gateway.post(f"/models/{verb}", {"model": "llama3.2"}) for verb in ("load", "unload", "pull")]
            answers.append(requests.delete(gateway.url + "/models/llama3.2", timeout=10))

            assert [error(answer) for answer in answers] == [(400, "unsupported")] * 4
            assert gateway.get("/health").json()["manage"] == {"enabled": True, "can": []}


def test_management_is_logged_without_names_and_counted_as_no_generation(ollama: Pair) -> None:
    _, gateway = ollama
    before = gateway.get("/stats").json()["totals"]

    gateway.post("/models/load", {"model": "llama3.2"}, headers={"X-Request-Id": "a-load"})
    gateway.post("/models/load", {"model": "nosuch"}, headers={"X-Request-Id": "a-miss"})
    requests.delete(gateway.url + "/models/llama3.2", headers={"X-Request-Id": "a-delete"}, timeout=10)

    gateway.wait_for_log(r"POST /models/load 200 ok backend=ollama duration=\d+ms id=a-load")
    gateway.wait_for_log(r"POST /models/load 404 error=model_not_found backend=ollama duration=\d+ms id=a-miss")
    gateway.wait_for_log(r"DELETE /models/<model:name> 200 ok backend=ollama duration=\d+ms id=a-delete")
    assert gateway.get("/stats").json()["totals"] == before
