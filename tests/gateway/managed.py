"""What tests of managed models ask of a gateway again and again."""

from __future__ import annotations

from typing import Any

import requests

from tests.fake_backend import FakeBackend
from tests.running_gateway import RunningGateway

Pair = tuple[FakeBackend, RunningGateway]
ANCHOR = "anchor:latest"
HUGGING = "hf.co/unsloth/Qwen3-4B-GGUF:Q4_K_M"


def refresh(gateway: RunningGateway) -> None:
    """Any change makes the gateway ask for the models anew; it may still know those of the test before."""
    assert gateway.post("/models/unload", {"model": ANCHOR}).status_code == 200


def listed(gateway: RunningGateway) -> dict[str, Any]:
    return {model["id"]: model for model in gateway.get("/models").json()["data"]}


def error(answer: requests.Response) -> tuple[int, str]:
    assert answer.json()["error"].keys() == {"message", "type", "param", "code"}
    return answer.status_code, answer.json()["error"]["code"]
