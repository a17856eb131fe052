"""What each backend needs repaired, seen from the client's side of a running gateway."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator

import openai
import pytest
import trustme

from tests.fake_backend import FakeBackend
from tests.gateway.wire import CHAT, chat_body, events
from tests.running_gateway import RunningGateway


@pytest.fixture(scope="module")
def lmstudio() -> Iterator[tuple[FakeBackend, RunningGateway]]:
    with (
        FakeBackend("lmstudio", ["google/gemma-3-4b", "text-embedding-nomic"]) as fake,
        RunningGateway(BACKEND="lmstudio", LMSTUDIO_URL=fake.url, LMSTUDIO_API_KEY="sk-lm-test:0123456789") as gateway,
    ):
        yield fake, gateway


def test_lm_studio_gets_only_what_it_takes(lmstudio: tuple[FakeBackend, RunningGateway]) -> None:
    fake, gateway = lmstudio
    tools = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("a", "b")]

    answer = gateway.post(
        CHAT,
        {
            **chat_body(stream=False),
            "response_format": {"type": "json_object"},
            "tools": tools,
            "tool_choice": {"type": "function", "function": {"name": "b"}},
            "ttl": 60,
            "user": None,
        },
    )

    sent = fake.requests_to(CHAT)[-1]
    assert answer.status_code == 200
    assert sent.json["response_format"]["type"] == "json_schema"
    assert [tool["function"]["name"] for tool in sent.json["tools"]] == ["b"]
    assert sent.json["tool_choice"] == "required"
    assert sent.json["ttl"] == 60
    assert None not in sent.json.values()
    assert sent.headers["authorization"] == "Bearer sk-lm-test:0123456789"


def test_lm_studio_is_never_asked_for_a_model_it_does_not_have(lmstudio: tuple[FakeBackend, RunningGateway]) -> None:
    """It would answer with whatever is loaded."""
    fake, gateway = lmstudio
    before = len(fake.requests_to(CHAT))

    answer = gateway.post(CHAT, chat_body(stream=False, model="other/model"))

    assert answer.status_code == 404
    assert len(fake.requests_to(CHAT)) == before


def test_lm_studios_floats_become_the_base64_that_was_asked_for(lmstudio: tuple[FakeBackend, RunningGateway]) -> None:
    _, gateway = lmstudio
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key="none", max_retries=0) as client:
        coded = client.embeddings.create(model="text-embedding-nomic", input="a")
        floats = client.embeddings.create(model="text-embedding-nomic", input="a", encoding_format="float")

    assert coded.data[0].embedding == pytest.approx(floats.data[0].embedding, rel=1e-6)


def test_ollama_gets_what_its_own_v1_would_have_dropped(ollama_pair: tuple[FakeBackend, RunningGateway]) -> None:
    fake, gateway = ollama_pair

    answer = gateway.post(
        CHAT,
        {
            **chat_body(stream=False, model="LLAMA3.2"),
            "max_completion_tokens": 5,
            "keep_alive": "10m",
            "num_ctx": 8192,
            "top_k": 3,
            "think": False,
        },
    )

    sent = fake.requests_to("/api/chat")[-1].json
    assert answer.status_code == 200
    assert sent["model"] == "llama3.2:latest"
    assert sent["options"] == {"num_predict": 5, "num_ctx": 8192, "top_k": 3}
    assert (sent["keep_alive"], sent["think"], sent["stream"]) == ("10m", False, True)


def test_an_https_server_is_spoken_to_with_its_key(tmp_path_factory: pytest.TempPathFactory) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    trusted = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))

    with FakeBackend("openai", tls=context) as fake:
        settings = {"BACKEND": "openai", "OPENAI_URL": fake.url + "/v1", "OPENAI_API_KEY": "sk-upstream-0123456789"}
        with RunningGateway(**settings, SSL_CERT_FILE=trusted) as gateway:
            good = gateway.post(CHAT, chat_body(stream=True))
            again = gateway.post(CHAT, chat_body(stream=False))
        with RunningGateway(**settings) as gateway:
            stranger = gateway.post(CHAT, chat_body(stream=True))
        sent = fake.requests_to(CHAT)

    assert events(good.content)[-1] == "[DONE]"
    assert again.status_code == 200
    assert [request.headers["authorization"] for request in sent] == ["Bearer sk-upstream-0123456789"] * 2
    assert stranger.status_code in (502, 503)
    assert "certificate" in stranger.json()["error"]["message"]


def test_auto_falls_back_to_the_demo_and_returns_when_ollama_does() -> None:
    with (
        FakeBackend("ollama") as fake,
        RunningGateway(BACKEND="auto", OLLAMA_URL=fake.url, LMSTUDIO_URL="http://127.0.0.1:9") as gateway,
    ):
        first = gateway.get("/health").json()["backend"]["name"]
        fake.stop()
        assert gateway.post(CHAT, chat_body(stream=False)).status_code == 503  # which makes it look at once
        gateway.wait_for_log(r"Ollama does not answer any more")
        second = gateway.get("/models").json()
        answer = gateway.post(CHAT, chat_body(stream=False))
        fake.start()
        gateway.wait_for_log(r"instead of the embedded engine")
        third = gateway.get("/health").json()["backend"]["name"]

    assert (first, third) == ("ollama", "ollama")
    assert second["backend"] == "embedded"
    assert [model["id"] for model in second["data"] if model["is_demo"]] == [second["default_model"]]
    assert answer.status_code == 200


def test_an_ollama_without_a_model_leaves_the_answers_to_the_demo_until_it_has_one() -> None:
    with (
        FakeBackend("ollama", []) as fake,
        RunningGateway(
            BACKEND="auto", OLLAMA_URL=fake.url, LMSTUDIO_URL="http://127.0.0.1:9", MANAGE_MODELS="true"
        ) as gateway,
    ):
        health = gateway.get("/health").json()
        answer = gateway.post(CHAT, chat_body(stream=False))
        pulled = gateway.post("/models/pull", {"model": "smollm2:135m"})
        models = gateway.get("/models").json()

    assert (health["ok"], health["backend"]["name"], health["backend"]["empty"]) == (True, "embedded", ["ollama"])
    assert "ollama pull" in health["backend"]["message"]
    assert health["manage"]["can"] == ["pull"], "what would fill it can be done here"
    assert (answer.status_code, answer.headers["x-passerelle-backend"]) == (200, "embedded")
    assert json.loads(pulled.text.splitlines()[-1])["model"]["id"] == "smollm2:135m"
    assert (models["backend"], models["default_model"]) == ("ollama", "smollm2:135m")


def test_the_course_chat_remembers_by_its_context(ollama_pair: tuple[FakeBackend, RunningGateway]) -> None:
    fake, gateway = ollama_pair

    first = gateway.post("/chat", {"prompt": "My name is Zoé.", "system": "Be brief.", "model": "llama3.2"}).json()
    second = gateway.post("/chat", {"prompt": "Who am I?", "context": first["context"], "model": "llama3.2"}).json()

    sent = fake.requests_to("/api/chat")[-1].json
    assert set(first) == {
        "model", "created_at", "response", "done", "done_reason", "context", "total_duration", "load_duration",
        "prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration",
    }  # fmt: skip
    assert first["load_duration"] == 51_234_567
    assert [message["content"] for message in sent["messages"]] == [
        "Be brief.", "My name is Zoé.", first["response"], "Who am I?",
    ]  # fmt: skip
    assert second["done"] is True
