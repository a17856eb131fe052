"""Keys, prompts and answers, each with a canary in it: whatever goes wrong, none of them sings elsewhere."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from backend.app import create_app
from backend.backends.backend import Call
from backend.backends.lmstudio import LISTINGS
from backend.dialects.openai.upstream.decoder import OpenAIChatDecoder
from backend.dialects.openai.upstream.failure import decode_error
from backend.settings import Secret, Settings, SettingsError
from backend.upstream.endpoint import Endpoint, Server
from tests.fake_backend import Bytes, FakeBackend, Fin, Hang, Head, Pause, RawBytes, Reset, Status, Step
from tests.running_gateway import RunningGateway
from tests.security.wire import Reply, hear, one, request

KEY = "canary-gateway-key-7d1f0a52c9"
UPSTREAM_KEY = "canary-upstream-key-b81e66d203"
WRONG_KEY = "canary-wrong-key-0c5a9e4471"
MODEL = "llama3.2:latest"
PROMPT = "canary-prompt-e3b0c44298fc1c14"
SYSTEM = "canary-system-9afbf4c8996fb924"
IMAGE = "canaryImage27ae41e4649b934ca4"
ARGUMENT = "canary-argument-95991b7852b855aa"
ANSWER = "canary-answer-d7a8fbb307d78094"
ADDRESS = "canary-address-69ca9abf08e31d2e"
SECRETS = (KEY, UPSTREAM_KEY, WRONG_KEY, PROMPT, SYSTEM, IMAGE, ARGUMENT, ANSWER)
PNG = "iVBORw0KGgo" + IMAGE + "AAAA"  # 44 characters of base64 that begin like a PNG
CHAT_PATHS = {"ollama": "/api/chat", "lmstudio": "/v1/chat/completions", "openai": "/v1/chat/completions"}
SSE, NDJSON = {"content-type": "text/event-stream"}, {"content-type": "application/x-ndjson"}


@dataclass
class Scene:
    fake: FakeBackend
    gateway: RunningGateway
    path: str

    def known(self, body: Any) -> Any:
        """The body, as far as the backend knows it: Ollama is never sent a key."""
        key = UPSTREAM_KEY if self.fake.kind != "ollama" else "none"
        return json.loads(json.dumps(body).replace(UPSTREAM_KEY, key))

    def script(self, *steps: Step) -> None:
        self.fake.script(self.path, *steps)

    def replies(self, data: bytes) -> list[Reply]:
        return hear(self.gateway.port, data).replies


@pytest.fixture(scope="module", params=["openai", "ollama", "lmstudio"])
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    """A gateway that says all it can say, over a backend that knows every secret."""
    kind = request.param
    with FakeBackend(kind, models=[MODEL]) as fake:
        fake.fake.tokens = ("Hello ", ANSWER, "!")
        urls = {"OLLAMA_URL": fake.url, "LMSTUDIO_URL": fake.url, "OPENAI_URL": fake.url + "/v1"}
        with RunningGateway(
            BACKEND=kind,
            LOG_LEVEL="debug",
            API_KEYS=KEY,
            OPENAI_API_KEY=UPSTREAM_KEY,
            LMSTUDIO_API_KEY=UPSTREAM_KEY,
            IDLE_TIMEOUT_S=0.3,
            HEARTBEAT_S=10,  # a fake that is slow on a busy machine must not find the stream open already
            CONNECT_TIMEOUT_S=1,
            MAX_BODY_MB=1,
            **urls,
        ) as gateway:
            yield Scene(fake, gateway, CHAT_PATHS[kind])
            check_what_everybody_sees(gateway)


def check_what_everybody_sees(gateway: RunningGateway) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Origin": f"http://localhost:{gateway.port}"}
    shown = gateway.log
    for path in ("/stats", "/stats?model=llama3.2:latest", "/models", "/v1/models", "/health", "/"):
        found = gateway.get(path, headers=headers)
        shown += found.text + str(found.headers)
    for secret in SECRETS:
        assert secret not in shown
    assert ADDRESS not in gateway.log
    assert "Traceback" not in gateway.log


def conversation(is_stream: bool, **more: Any) -> dict[str, Any]:
    tool = {"type": "function", "function": {"name": "look", "description": SYSTEM, "parameters": {"type": "object"}}}
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": f'{{"at":"{ARGUMENT}"}}'}}
    return {
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": [{"type": "text", "text": PROMPT}, image(f"data:image/png;base64,{PNG}")]},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": ARGUMENT},
        ],
        "tools": [tool],
        "stream": is_stream,
        **more,
    }


def image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def post(path: str, body: dict[str, Any] | bytes, headers: dict[str, str] | None = None) -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    known = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    return request("POST", path, {**known, **(headers or {})}, data)


def check(reply: Reply, *also_fine: str) -> None:
    """No secret in the head, none in an error, and none but the answer in an answer."""
    told = str(reply.headers)
    if reply.status == 200:
        told += reply.body.decode().replace(ANSWER, "")
        told += "".join(line for line in reply.body.decode().splitlines() if '"error"' in line)
    else:
        assert reply.error
        told += reply.body.decode()
    for secret in SECRETS:
        assert secret in also_fine or secret not in told, told


QUOTES = f"cannot do {PROMPT} with {SYSTEM}, {ARGUMENT} and {PNG}; the key is {UPSTREAM_KEY}"
DETAIL = [{"loc": ["body"], "msg": f"Value error, {PROMPT}", "input": {"messages": SYSTEM}, "type": PROMPT}]
BODIES: dict[str, Any] = {
    "OpenAI's": {"error": {"message": QUOTES, "type": QUOTES, "param": QUOTES, "code": QUOTES}},
    "Ollama's": {"error": QUOTES},
    "FastAPI's": {"detail": DETAIL},
    "vLLM's": {"object": "error", "message": QUOTES, "type": "BadRequestError", "code": 400},
    "nested": {"error": {"message": json.dumps({"error": {"message": QUOTES}})}},
    "plain": QUOTES,
    "a page": f"<html><h1>{QUOTES}</h1></html>",
    "other JSON": {"prompt": PROMPT, "key": UPSTREAM_KEY},
    "a list": [QUOTES],
}


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_backends_error_that_quotes_everything(scene: Scene, body: Any, is_stream: bool) -> None:
    for status in (400, 401, 404, 429, 500):
        scene.script(Status(status, {"www-authenticate": QUOTES, "x-error": QUOTES}, scene.known(body)))

        reply = one(scene.gateway.port, post("/v1/chat/completions", conversation(is_stream)))

        assert reply.status >= 400
        check(reply)


def test_a_slow_backends_error_that_quotes_everything_has_a_real_status(scene: Scene) -> None:
    scene.script(Pause(0.15), Status(400, body=scene.known(BODIES["OpenAI's"])))

    reply = one(scene.gateway.port, post("/v1/chat/completions", conversation(is_stream=True)))

    assert reply.status >= 400
    check(reply)


FRAGMENTS: dict[str, Any] = {
    "an error in the stream": {"error": {"message": QUOTES, "code": 500}},
    "an error as text": {"error": QUOTES},
    "a number for choices": {"choices": 5, "message": 5, "text": ANSWER},
    "a list of numbers": {"choices": [5], "message": [ANSWER]},
    "a number for the delta": {"choices": [{"delta": 5, "text": ANSWER}], "message": {"content": 5}},
    "a number for the text": {"choices": [{"delta": {"content": 5}}], "message": {"content": {"a": ANSWER}}},
    "calls that are none": {
        "choices": [{"delta": {"tool_calls": [{"function": ANSWER}]}}],
        "message": {"tool_calls": [{"function": ANSWER}]},
    },
    "a finish that is none": {"choices": [{"delta": {}, "finish_reason": {"a": ANSWER}}], "done": ANSWER},
    "usage that is none": {"usage": {"prompt_tokens": ANSWER}, "done": True, "eval_count": ANSWER},
    "an id that is none": {"id": [ANSWER], "model": {"a": PROMPT}, "created": ANSWER, "choices": []},
}


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("fragment", FRAGMENTS.values(), ids=FRAGMENTS)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_stream_that_makes_no_sense(scene: Scene, fragment: Any, is_stream: bool, is_first: bool) -> None:
    head, frame = (NDJSON, b"%b\n") if scene.fake.kind == "ollama" else (SSE, b"data: %b\n\n")
    begin = () if is_first else (Bytes(scene.fake.events(scene.path)[0]),)
    scene.script(Head(200, head), *begin, Bytes(frame % json.dumps(scene.known(fragment)).encode()), Fin())

    check(one(scene.gateway.port, post("/v1/chat/completions", conversation(is_stream))), PROMPT)


ENDINGS: dict[str, tuple[Step, ...]] = {
    "no JSON": (Head(200, SSE), Bytes(f"data: {{{ANSWER}\n\n{ANSWER}\n".encode())),
    "no UTF-8": (Head(200, SSE), Bytes(b"data: \xff" + ANSWER.encode() + b"\n\n")),
    "a page": (Head(200, {"content-type": "text/html"}), Bytes(f"<html>{QUOTES}</html>".encode())),
    "a JSON error under 200": (Status(200, body={"error": {"message": QUOTES.partition(";")[0]}}),),
    "nothing": (Head(200, SSE),),
    "no HTTP": (RawBytes(QUOTES.encode()), Fin()),
    "a bad head": (RawBytes(f"HTTP/1.1 200 OK\r\n{QUOTES}\r\n\r\n".encode()), Fin()),
    "bad chunks": (RawBytes(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{ANSWER}".encode()), Fin()),
    "a reset": (Reset(),),
    "an end": (Fin(),),
    "silence": (Hang(),),
    "silence after the head": (Head(200, SSE), Hang()),
    "a redirect": (Status(302, {"location": f"http://127.0.0.1:9/{PROMPT}"}),),
}


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("steps", ENDINGS.values(), ids=ENDINGS)
def test_an_answer_that_ends_badly(scene: Scene, steps: tuple[Step, ...], is_stream: bool) -> None:
    scene.script(*steps)

    check(one(scene.gateway.port, post("/v1/chat/completions", conversation(is_stream))))


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/chat"])
def test_a_request_that_is_wrong_is_not_quoted(scene: Scene, path: str) -> None:
    text = {"model": MODEL, "prompt": PROMPT, "input": PROMPT, "messages": [{"role": "user", "content": PROMPT}]}
    call = {"id": "a", "function": {"name": "look", "arguments": ARGUMENT}}
    wrong: list[Any] = [
        {**text, "temperature": PROMPT, "stream": PROMPT, "max_tokens": ARGUMENT, "n": PROMPT},
        {**text, "encoding_format": PROMPT, "keep_alive": PROMPT, "think": PROMPT},
        {**text, "options": {PROMPT: PROMPT, "stop": {PROMPT: PROMPT}}, "stop": [PROMPT] * 99, "tools": PROMPT},
        {**text, "messages": [{"role": PROMPT}], "prompt": [], "input": [5], "n": ARGUMENT},
        {**text, "messages": [{"role": "user", "content": [{"type": PROMPT}]}], "prompt": {}, "input": {}},
        {**text, "messages": [{"role": "user", "content": [image(PROMPT)]}], "prompt": {}, "input": {}},
        {**text, "messages": [{"role": "user", "content": [image(f"data:image/png;base64,%{PNG}")]}], "n": PNG},
        {**text, "messages": [{"role": "assistant", "tool_calls": [call]}], "images": [PNG + "%"], "n": "x"},
        {**text, "context": PROMPT, "n": PROMPT},
        {**text, "response_format": {"type": PROMPT}, "format": PROMPT, "n": PROMPT},
    ]
    bodies = [json.dumps(body).encode() for body in wrong]
    good = json.dumps(text).encode()
    bodies += [
        good[:-1],
        good + good,
        b'{"a":"' + PROMPT.encode() + b'\\q"}',
        b'{"%b":1,"%b":2}' % (PROMPT.encode(), PROMPT.encode()),
        good[:-1] + b',"x":NaN}',
        b'{"a":"' + PROMPT.encode() + b'\xff"}',
        json.dumps([PROMPT]).encode(),
        PROMPT.encode(),
        b'{"a":"' + PROMPT.encode() * 60_000 + b'"}',
    ]

    replies = [one(scene.gateway.port, post(path, body)) for body in bodies]

    for reply in replies:
        assert reply.status < 500
        check(reply)
    assert sum(reply.status >= 400 for reply in replies) > 12
    check(one(scene.gateway.port, post(path, good, {"Content-Type": f"text/{PROMPT}"})))
    check(one(scene.gateway.port, post(path, good, {"Content-Encoding": PROMPT})))


def test_a_key_is_not_quoted_wherever_it_stands(scene: Scene) -> None:
    port = scene.gateway.port
    for headers in (
        {"Authorization": f"Bearer {WRONG_KEY}"},
        {"X-Api-Key": WRONG_KEY},
        {"Authorization": f"Bearer {WRONG_KEY}", "X-Api-Key": WRONG_KEY + "x"},
        {"Authorization": KEY},
        {"Authorization": f"Bearer {KEY}x"},
        {"Cookie": KEY},
    ):
        reply = one(port, request(headers=headers))
        assert reply.status in (400, 401)
        check(reply)
    for head in (
        f"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nAuthorization : Bearer {KEY}\r\n\r\n",
        f"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\x00\r\n\r\n",
        f"GET /v1/{KEY} HTTP/9.1\r\nHost: localhost\r\n\r\n",
        f"GET /v1/models HTTP/1.1\r\nHost: {KEY}\r\nAuthorization: Bearer {KEY}\r\n\r\n",
        f"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nOrigin: http://{KEY}\r\n\r\n",
        f"POST /chat HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: {KEY}\r\n\r\n",
        f"{KEY} /chat HTTP/1.1\r\nHost: localhost\r\n\r\n",
        f"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: {KEY} {PROMPT}\r\n\r\n",
        f"POST /chat HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\nContent-Type: application/json\r\n"
        f"Transfer-Encoding: chunked\r\n\r\n{PROMPT}\r\n",
    ):
        for reply in scene.replies(head.encode("latin-1")):
            check(reply)


def test_an_address_stays_out_of_the_log(scene: Scene) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Origin": f"http://localhost:{scene.gateway.port}"}
    for target in (
        f"/{ADDRESS}",
        f"/v1/models/{ADDRESS}",
        f"/stats?model={ADDRESS}",
        f"/v1/models?key={ADDRESS}",
        f"/vendor/{ADDRESS}.js",
        f"/?next={ADDRESS}",
    ):
        for method in ("GET", "POST", "OPTIONS"):
            check(one(scene.gateway.port, request(method, target, headers)))

    assert ADDRESS not in scene.gateway.log


def test_a_client_that_leaves_is_not_quoted(scene: Scene) -> None:
    scene.script(Hang())
    before = len(scene.fake.requests_to(scene.path))

    with socket.create_connection(("127.0.0.1", scene.gateway.port)) as client:
        client.sendall(post("/v1/chat/completions", conversation(False)))
        asked = scene.fake.wait_request(before + 1, path=scene.path)

    assert asked.wait_closed()


def test_a_backend_that_is_gone_is_not_told_about(scene: Scene) -> None:
    scene.fake.stop()
    try:
        for is_stream in (False, True):
            reply = one(scene.gateway.port, post("/v1/chat/completions", conversation(is_stream)))
            assert reply.status in (502, 503)
            check(reply)
    finally:
        scene.fake.start()


def test_a_listing_that_quotes_the_key(scene: Scene) -> None:
    paths = {"openai": ("/v1/models",), "lmstudio": LISTINGS, "ollama": ("/api/show", "/api/tags", "/api/ps")}
    headers = {"Authorization": f"Bearer {KEY}"}
    for path in paths[scene.fake.kind]:
        scene.fake.always(path, Status(500, body=scene.known({"error": {"message": QUOTES.partition(";")[2]}})))
    try:
        for target in ("/stats?model=llama3.2:latest", "/v1/models", "/models", "/health", "/stats"):
            reply = one(scene.gateway.port, request(target=target, headers=headers))
            assert UPSTREAM_KEY not in reply.body.decode(), target
    finally:
        for path in paths[scene.fake.kind]:
            scene.fake.always(path)


def test_a_good_answer_says_the_answer_alone(scene: Scene) -> None:
    for is_stream in (False, True):
        reply = one(scene.gateway.port, post("/v1/chat/completions", conversation(is_stream)))
        assert reply.status == 200
        assert ANSWER in reply.body.decode()
        check(reply)


# -- in memory ----------------------------------------------------------------------------------


def test_what_holds_a_secret_does_not_show_it() -> None:
    settings = Settings.read(
        {"API_KEYS": KEY, "OPENAI_API_KEY": UPSTREAM_KEY, "LMSTUDIO_API_KEY": UPSTREAM_KEY, "BACKEND": "openai"}, None
    )
    server = Server(
        "A server", "http://127.0.0.1:9/v1", "OPENAI_URL", "Start it", "OPENAI_API_KEY", Secret(UPSTREAM_KEY)
    )
    app = create_app(settings)
    shown = [
        settings,
        settings.api_keys,
        server,
        server.endpoint(),
        Endpoint("127.0.0.1", 9, authorization=f"Bearer {UPSTREAM_KEY}"),
        Call("m", server.endpoint, "/chat/completions", PROMPT.encode(), OpenAIChatDecoder(), decode_error),
        app.extensions["passerelle"],
        *app.extensions["passerelle"].backends,
        app.config,
    ]

    for thing in shown:
        for text in (repr(thing), str(thing), f"{thing}", f"{thing!r}"):
            assert not [secret for secret in SECRETS if secret in text]
    assert server.endpoint().authorization == f"Bearer {UPSTREAM_KEY}"


def test_settings_that_are_wrong_do_not_show_a_key() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.read({"API_KEYS": KEY + "\x01", "OPENAI_API_KEY": UPSTREAM_KEY + "é", "PORT": "x"}, None)

    assert "API_KEYS" in str(refused.value)
    assert KEY not in str(refused.value)
    assert UPSTREAM_KEY not in str(refused.value)
