"""Bodies made to hurt: wrong types in every field, JSON bombs, anything hypothesis thinks of."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.running_gateway import RunningGateway
from tests.security.conftest import Pair
from tests.security.test_broken_http import worker_of
from tests.security.wire import PATIENCE_S, Line, one, request

CHAT = {"messages": [{"role": "user", "content": "Hi"}]}
# A model of the backend's, for the encoder's first start takes longer than these tests wait.
GOOD: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": CHAT,
    "/chat/completions": CHAT,
    "/v1/completions": {"prompt": "Hi"},
    "/completions": {"prompt": "Hi"},
    "/v1/embeddings": {"model": "llama3.2:latest", "input": "Hi"},
    "/embeddings": {"model": "llama3.2:latest", "input": "Hi"},
    "/chat": {"prompt": "Hi"},
}
ROUTES = [path for path in GOOD if path.startswith("/v1") or path == "/chat"]
FIELDS = (
    "model",
    "messages",
    "prompt",
    "input",
    "stream",
    "stream_options",
    "n",
    "logprobs",
    "top_logprobs",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "seed",
    "stop",
    "presence_penalty",
    "frequency_penalty",
    "repeat_penalty",
    "max_tokens",
    "max_completion_tokens",
    "logit_bias",
    "keep_alive",
    "ttl",
    "options",
    "num_ctx",
    "response_format",
    "reasoning_effort",
    "reasoning",
    "think",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "functions",
    "function_call",
    "modalities",
    "suffix",
    "echo",
    "best_of",
    "dimensions",
    "encoding_format",
    "system",
    "images",
    "context",
    "format",
    "user",
    "metadata",
)
SAMPLE = 150
WRONG: list[Any] = [
    None,
    True,
    0,
    -1,
    2**63,
    -(10**40),
    1e308,
    0.1,
    "",
    "\x00\x1b[31m\u202e",
    "9" * 3000,
    "1s" * 20_000,
    [],
    [None],
    [[[[]]]],
    [{}],
    {},
    {"": None},
    {"type": {}},
    {"type": "function", "function": {"name": [], "parameters": 1, "arguments": {}}},
    {"type": "json_schema", "json_schema": {"schema": {"$ref": "#"}, "name": 5}},
    {"effort": [], "include_usage": 1, "schema": [], "num_ctx": "x", "stop": {}},
]
MESSAGES: list[Any] = [
    {"role": role, "content": content, **rest}
    for role in ("user", "assistant", "tool", "system", "function", "root", 5, None)
    for content in (
        "x",
        None,
        5,
        [],
        [5],
        [{}],
        [{"type": "image_url"}],
        [{"type": "image_url", "image_url": {"url": "data:image/png;base64,%%%"}}],
        [{"type": "image_url", "image_url": "data:,"}],
        [{"type": "text", "text": []}],
    )
    for rest in (
        {},
        {"name": {}},
        {"tool_calls": [{"id": 1}], "tool_call_id": []},
        {"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "[" * 5000}}], "tool_call_id": "a"},
    )
]
BOMBS = {
    "deep lists": b"[" * 100_000,
    "deep lists in a field": b'{"messages":' + b"[" * 500_000 + b"]" * 500_000 + b"}",
    "deep objects": b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
    "many empty lists": b'{"messages":[' + b"[]," * 2_000_000 + b"[]]}",
    "many numbers": b'{"input":[' + b"1," * 3_000_000 + b"1]}",
    "many names": b"{" + b",".join(b'"%x":1' % number for number in range(250_000)) + b"}",
    "many unknown names": b"{" + b",".join(b'"%x":1' % number for number in range(90_000)) + b"}",
    "many messages": b'{"messages":[' + b",".join([b'{"role":"user"}'] * 60_000) + b"]}",
    "many options": b'{"prompt":"x","options":{' + b",".join(b'"%x":1' % number for number in range(99_000)) + b"}}",
    "one name twice": b'{"model":"a","model":"b"}',
    "NaN": b'{"temperature":NaN}',
    "Infinity": b'{"temperature":-Infinity}',
    "1e999": b'{"temperature":1e999}',
    "a number of a million digits": b'{"seed":' + b"9" * 1_000_000 + b"}",
    "a fraction of a million digits": b'{"temperature":1.' + b"3" * 1_000_000 + b',"messages":[]}',
    "half a character": b'{"prompt":"\\ud800","input":"\\ud800","messages":[{"role":"user","content":"\\udc00"}]}',
    "half a character in a name": b'{"\\ud800":1}',
    "half a character as the model": b'{"model":"\\udfff","prompt":"x"}',
    "UTF-16": '{"prompt":"x"}'.encode("utf-16"),
    "UTF-32": '{"prompt":"x"}'.encode("utf-32-le"),
    "a byte order mark": b'\xef\xbb\xbf{"prompt":"x"}',
    "bad UTF-8": b'{"prompt":"\xc0\xaf"}',
    "surrogates in UTF-8": b'{"prompt":"\xed\xa0\x80"}',
    "a NUL behind": b'{"prompt":5}\x00',
    "two objects": b'{"prompt":5}{"prompt":5}',
    "null": b"null",
    "a list": b"[]",
    "a number": b"1",
    "nothing": b"",
    "blanks": b" " * 100_000,
    "escapes without end": b'{"prompt":"' + b'\\"' * 2_000_000,
    "quotes without end": b'{"prompt":' + b'"' * 2_000_001,
    "a duration of megabytes": b'{"prompt":"x","keep_alive":"' + b"1s" * 1_000_000 + b'x","input":5,"messages":5}',
    "a base64 of megabytes": b'{"prompt":"x","n":[],"images":["' + b"A" * 4_000_001 + b'"],"messages":5,"input":5}',
    "a context of nested lists": b'{"prompt":"x","n":[],"context":"p1.'
    + b"W1tb" * 99_000
    + b'","messages":5,"input":5}',
}


class Caller:
    """Posts bodies over one kept connection and holds every answer to what was promised."""

    def __init__(self, gateway: RunningGateway) -> None:
        self._line = Line(gateway.port)
        self.close = self._line.close

    def post(self, path: str, body: bytes) -> int:
        start = monotonic()
        reply = self._line.ask(request("POST", path, {"Content-Type": "application/json"}, body))
        seconds = monotonic() - start
        assert reply.status < 500, (path, body[:500], reply.body)
        assert reply.status == 200 or reply.error
        assert seconds < PATIENCE_S, (path, body[:500], seconds)
        return reply.status


@pytest.fixture(scope="module")
def caller(pair: Pair) -> Iterator[Caller]:
    _, gateway = pair
    worker = worker_of(gateway)
    caller = Caller(gateway)
    yield caller
    caller.close()
    assert worker.is_running()
    assert gateway.get("/health").status_code == 200


@pytest.mark.parametrize("path", ROUTES)
def test_a_wrong_value_in_any_field_is_refused_or_harmless(caller: Caller, path: str) -> None:
    pairs = [(field, value) for field in FIELDS for value in WRONG]

    statuses = {
        caller.post(path, json.dumps({**GOOD[path], field: value}).encode())
        for field, value in random.Random(path).sample(pairs, SAMPLE)
    }

    assert statuses == {200, 400}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat"])
def test_a_wrong_message_is_refused_or_harmless(caller: Caller, path: str) -> None:
    for message in random.Random(path).sample(MESSAGES, SAMPLE // 2):
        caller.post(path, json.dumps({"messages": [message], "prompt": "x"}).encode())


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_json_bomb_is_refused_at_once(caller: Caller, bomb: bytes) -> None:
    for path in ROUTES if len(bomb) < 10_000 else ("/v1/chat/completions", "/chat"):
        assert caller.post(path, bomb) == 400


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["data:,", "p1."]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=4), inner),
    max_leaves=8,
)
BODIES = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=6), JSON, max_size=6)


@pytest.mark.parametrize("path", GOOD)
def test_whatever_hypothesis_thinks_of_is_answered_in_words(caller: Caller, path: str) -> None:
    @settings(max_examples=12, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(BODIES, st.booleans(), st.binary(max_size=40))
    def run(fields: dict[str, Any], is_mostly_good: bool, noise: bytes) -> None:
        body = {**GOOD[path], **fields} if is_mostly_good else fields
        caller.post(path, json.dumps(body).encode())
        caller.post(path, noise)

    run()


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        (None, 415),
        ("", 415),
        ("text/plain", 415),
        ("text/json", 415),
        ("application/jsonp", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("multipart/form-data", 415),
        ("application/json; charset=utf-16", 415),
        ("application/json; charset=latin-1", 415),
        ("application/json, text/plain", 415),
        ("text/plain; application/json", 415),
        (";application/json", 415),
        ("application/json", 200),
        ("application/json;charset=UTF-8", 200),
        ('application/json; charset="utf-8"', 200),
        ("APPLICATION/JSON", 200),
    ],
)
@pytest.mark.parametrize("path", ROUTES)
def test_only_json_is_read(pair: Pair, path: str, content_type: str | None, status: int) -> None:
    body = json.dumps(GOOD[path]).encode()

    headers = {} if content_type is None else {"Content-Type": content_type}

    reply = one(pair[1].port, request("POST", path, headers, body))

    assert reply.status == status
    assert status == 200 or reply.error["code"] == "unsupported_media_type"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "identity, gzip", "x"])
@pytest.mark.parametrize("path", ROUTES)
def test_a_compressed_body_is_refused_unread(pair: Pair, path: str, coding: str) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}

    reply = one(pair[1].port, request("POST", path, headers, b"\x1f\x8b" + b"\x00" * 1000))

    assert (reply.status, reply.error["code"]) == (415, "unsupported_media_type")
