"""Every model that is listed can be named, whatever its name."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import openai
import pytest
import requests

from tests.fake_backend import FakeBackend
from tests.gateway.wire import CHAT, chat_body
from tests.running_gateway import RunningGateway

Pair = tuple[FakeBackend, RunningGateway]
NAMES = [
    "/srv/models/llama-3.2",
    "//two",
    "a//b/",
    "n" * 300,
    "n" * 512,
    "thin\u2009space",
    "no\u00a0break",
    "wide\u3000space",
    " in front",
    "behind ",
    "a?b#c%2Fd",
    "日本語",
]


@pytest.fixture(scope="module")
def many() -> Iterator[Pair]:
    """More models than anybody has."""
    models = [*NAMES, *(f"m{number}" for number in range(5001))]
    with (
        FakeBackend("openai", models) as fake,
        RunningGateway(BACKEND="openai", OPENAI_URL=fake.url + "/v1") as gateway,
    ):
        yield fake, gateway


def test_all_are_listed_as_the_backend_calls_them(many: Pair) -> None:
    fake, gateway = many

    for path in ("/models", "/v1/models"):
        *listed, own = [model["id"] for model in gateway.get(path).json()["data"]]
        assert listed == [model.name for model in fake.models]
        assert own == "use-multilingual"


@pytest.mark.parametrize("name", [*NAMES, "m5000"])
def test_each_can_be_asked_and_looked_up_and_is_called_as_it_was(many: Pair, name: str) -> None:
    fake, gateway = many

    answer = gateway.post(CHAT, chat_body(stream=False, model=name))

    assert answer.status_code == 200
    assert fake.requests_to(CHAT)[-1].json["model"] == name
    for path in ("/models/", "/v1/models/"):
        assert gateway.get(path + quote(name, safe="/")).json()["id"] == name
        assert gateway.get(path + quote(name, safe="")).json()["id"] == name
    refused = requests.delete(gateway.url + "/models/" + quote(name, safe=""), timeout=10)
    assert refused.json()["error"]["code"] == "management_off", "the address is known"


def test_openais_sdk_finds_a_model_whose_id_is_a_path(many: Pair) -> None:
    _, gateway = many

    with openai.OpenAI(base_url=gateway.url + "/v1", api_key="none", max_retries=0) as client:
        assert client.models.retrieve(NAMES[0]).id == NAMES[0]


@pytest.mark.parametrize("name", ["n" * 513, "a\nb", "a\x00b", "\u202eb", "\u2028", "   "])
def test_what_no_model_can_be_called_is_refused(many: Pair, name: str) -> None:
    _, gateway = many

    answer = gateway.post(CHAT, chat_body(stream=False, model=name))

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "model")
