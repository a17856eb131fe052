"""Nothing a client sends chooses where the gateway connects, as whom, or for which model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fake_backend import FakeBackend, Received, Status
from tests.running_gateway import RunningGateway
from tests.security.wire import Reply, one, request

UPSTREAM_KEY = "upstream-key-0123456789"
MINE = "a-key-of-the-client-0123456789"
GOOD: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "Hi"}]},
    "/v1/completions": {"prompt": "Hi"},
    "/v1/embeddings": {"model": "llama3.2:latest", "input": "Hi"},
    "/chat": {"prompt": "Hi"},
}
ADDRESSES = ("http://{trap}", "http://{trap}/v1", "//{trap}/v1", "{trap}")
FIELDS = (
    "api_base apiBase base_url baseURL base-url url uri host Host endpoint api_url proxy proxies http_proxy server "
    "backend upstream target openai_url OPENAI_URL ollama_url provider azure_endpoint api_type deployment callback "
    "webhook redirect headers extra_headers extra_body extra_query default_headers litellm_params metadata user"
)
HEADERS = (
    "X-Forwarded-Host X-Forwarded-Server X-Forwarded-For X-Forwarded-Proto X-Forwarded-Port X-Forwarded-Prefix "
    "X-Forwarded-Uri X-Original-URL X-Rewrite-URL X-Original-Host X-Host X-Real-IP X-Upstream X-Backend X-Target-Url "
    "SCRIPT_NAME PATH_INFO REMOTE_USER X-Forwarded-Ssl X-Forwarded-Protocol "
    "X-Api-Base X-Base-Url X-Openai-Base-Url OpenAI-Base-Url Api-Base Location Referer Via Destination "
    "X-Http-Method-Override X-Method-Override Proxy-Host Client-IP True-Client-IP CF-Connecting-IP"
)
QUERIES = ("api_base", "base_url", "url", "host", "model", "MODEL", "backend", "target", "next", "api-version")
FORWARDED_NEVER = (
    "openai-organization openai-project x-api-key api-key anthropic-version cookie x-forwarded-for x-stainless-os "
    "x-custom origin referer user-agent x-request-id accept-language proxy-authorization te"
)


@pytest.fixture(scope="module")
def guarded() -> Iterator[tuple[FakeBackend, FakeBackend, RunningGateway]]:
    """A backend, a trap that nobody may ever call, and a gateway that knows the first."""
    with (
        FakeBackend("openai") as fake,
        FakeBackend("openai", models=["trap:latest"]) as trap,
        RunningGateway(
            BACKEND="openai", OPENAI_URL=fake.url + "/v1", OPENAI_API_KEY=UPSTREAM_KEY, IDLE_TIMEOUT_S=1
        ) as gateway,
    ):
        yield fake, trap, gateway
        assert trap.connections == 0


Guarded = tuple[FakeBackend, FakeBackend, RunningGateway]


def post(
    gateway: RunningGateway, path: str, body: dict[str, Any] | bytes, headers: dict[str, str] | None = None
) -> Reply:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return one(gateway.port, request("POST", path, {"Content-Type": "application/json", **(headers or {})}, data))


def addresses(trap: FakeBackend) -> list[str]:
    return [address.format(trap=f"127.0.0.1:{trap.port}") for address in ADDRESSES]


def last(fake: FakeBackend) -> Received:
    return [asked for asked in list(fake.requests) if asked.method == "POST"][-1]


@pytest.mark.parametrize("path", GOOD)
def test_no_field_chooses_where_to_connect(guarded: Guarded, path: str) -> None:
    fake, trap, gateway = guarded

    for address in addresses(trap):
        for value in (address, {"url": address, "base_url": address, "Authorization": f"Bearer {MINE}"}):
            body = {**dict.fromkeys(FIELDS.split(), value), **GOOD[path]}
            reply = post(gateway, path, body)

            assert reply.status in (200, 400)
            asked = last(fake)
            assert str(trap.port) not in asked.body.decode() + str(asked.headers) + asked.target
            assert MINE not in asked.body.decode()
    assert trap.connections == 0


@pytest.mark.parametrize("field", [*FIELDS.split()[:28], "options", "stream_options", "response_format", "think"])
def test_no_field_alone_does_either(guarded: Guarded, field: str) -> None:
    _, trap, gateway = guarded
    address = addresses(trap)[1]

    for path, good in GOOD.items():
        for value in (address, {"url": address}, [address]):
            assert post(gateway, path, {**good, field: value}).status in (200, 400)

    assert trap.connections == 0


@pytest.mark.parametrize("path", GOOD)
def test_no_header_chooses_where_to_connect_and_none_is_passed_on(guarded: Guarded, path: str) -> None:
    fake, trap, gateway = guarded

    for address in addresses(trap):
        headers = dict.fromkeys(HEADERS.split(), address) | {"Forwarded": f"for={address};host={address};proto=https"}
        reply = post(gateway, path, GOOD[path], headers)

        assert reply.status == 200
        asked = last(fake)
        assert asked.headers.keys() <= {
            "host",
            "user-agent",
            "content-type",
            "accept",
            "content-length",
            "authorization",
        }
        assert asked.headers["host"] == f"127.0.0.1:{fake.port}"
        assert str(trap.port) not in str(asked.headers)
    assert trap.connections == 0


@pytest.mark.parametrize("path", GOOD)
def test_the_backend_sees_the_gateways_key_and_nothing_of_the_client(guarded: Guarded, path: str) -> None:
    fake, _, gateway = guarded
    headers = {**dict.fromkeys(FORWARDED_NEVER.split(), MINE), "Authorization": f"Bearer {MINE}"}
    del headers["origin"]

    reply = post(gateway, path, GOOD[path], headers)

    assert reply.status == 200
    asked = last(fake)
    assert asked.headers["authorization"] == f"Bearer {UPSTREAM_KEY}"
    assert MINE not in str(asked.headers) + asked.target + asked.body.decode()


def test_the_cold_paths_are_closed_to_the_client_too(guarded: Guarded) -> None:
    fake, trap, gateway = guarded
    headers = {"Authorization": f"Bearer {MINE}", "Cookie": MINE, "X-Forwarded-Host": f"127.0.0.1:{trap.port}"}

    for path in ("/v1/models", "/models", "/stats", "/stats?model=llama3.2:latest", "/health"):
        assert one(gateway.port, request(target=path, headers=headers)).status == 200

    for asked in list(fake.requests):
        assert MINE not in str(asked.headers)
        assert str(trap.port) not in str(asked.headers) + asked.target
    assert trap.connections == 0


@pytest.mark.parametrize("path", GOOD)
def test_a_query_chooses_nothing(guarded: Guarded, path: str) -> None:
    fake, trap, gateway = guarded

    for address in addresses(trap):
        query = "&".join(f"{name}={address}" for name in QUERIES)

        assert post(gateway, f"{path}?{query}", GOOD[path]).status == 200
        asked = last(fake)
        assert asked.query == ""
        assert asked.json["model"] == "llama3.2:latest"
    assert trap.connections == 0


@pytest.mark.parametrize(
    "target",
    [
        "/v1/models/http://{trap}",
        "/v1/models/http:%2f%2f{trap}%2fv1",
        "/v1/models/%2e%2e/%2e%2e/api/tags",
        "/v1/models/../../api/tags",
        "/v1/models/..%2f..%2fapi%2ftags",
        "/v1/models/%2e%2e%5c%2e%2e%5capi",
        "/v1/models/@{trap}/",
        "/v1/models/%00",
        "/v1/models/a%0d%0aHost:%20{trap}",
        "/v1/models/%ff%fe",
        "/v1/models/" + "a" * 4000,
        "/models/http://{trap}",
        "/models/..%2f..%2f..%2fetc%2fpasswd",
        "/stats?model=http://{trap}",
        "/stats?model=..%2f..%2fetc%2fpasswd",
        "/stats?model=%0d%0aX:y",
        "//{trap}/v1/models",
        "///{trap}/v1/models",
        "/\\{trap}/v1/models",
        "/%2f{trap}/v1/models",
        "/http://{trap}/v1/models",
        "/v1//models",
        "/v1/./models",
        "/v1/%2e%2e/stats/../v1/models",
        "/..%2f.env",
        "/../.env",
        "/.env",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/vendor/..%2f..%2fpyproject.toml",
        "/vendor/../../pyproject.toml",
        "/vendor/%2e%2e/index.html",
        "/vendor/%00.js",
        "/vendor/c:%5cwindows%5cwin.ini.js",
        "/vendor//etc/passwd.js",
        "/styles/..%2findex.html",
        "/styles/..%5c..%5c.env.css",
        "/api/tags",
        "/api/pull",
        "/api/delete",
        "/v1/files",
        "/proxy/http://{trap}",
    ],
)
def test_a_trick_in_the_path_leads_nowhere(guarded: Guarded, target: str) -> None:
    fake, trap, gateway = guarded
    address = f"127.0.0.1:{trap.port}"

    for method in ("GET", "POST"):
        reply = one(gateway.port, request(method, target.format(trap=address), {"Content-Type": "application/json"}))

        assert reply.status in (404, 405)
        assert reply.error
        assert address not in str(reply.headers)
        assert "location" not in reply.headers
    assert not [asked for asked in list(fake.requests) if asked.target not in KNOWN_TARGETS]
    assert trap.connections == 0


KNOWN_TARGETS = ("/v1/models", "/v1/chat/completions", "/v1/completions", "/v1/embeddings")


@pytest.mark.parametrize("path", GOOD)
@pytest.mark.parametrize("names", [("MODEL",), ("Model",), ("model", "MODEL"), ("mODEL", "model"), ("model", "model")])
def test_one_field_names_the_model_in_one_spelling(guarded: Guarded, path: str, names: tuple[str, ...]) -> None:
    fake, _, gateway = guarded
    fields = "".join(f'"{name}":"llama3.2:latest",' for name in names)
    body = ("{" + fields + json.dumps(GOOD[path])[1:]).encode()
    before = len(fake.requests_to(path if path != "/chat" else "/v1/chat/completions"))

    reply = post(gateway, path, body)

    assert reply.status == 400
    assert reply.error["type"] == "invalid_request_error"
    assert len(fake.requests_to(path if path != "/chat" else "/v1/chat/completions")) == before


@pytest.mark.parametrize(
    "url",
    [
        "http://{trap}/a.png",
        "https://{trap}/a.png",
        "HTTP://{trap}/a.png",
        " http://{trap}/a.png",
        "\thttp://{trap}/a.png",
        "//{trap}/a.png",
        "\\\\{trap}\\a.png",
        "http:{trap}/a.png",
        "ftp://{trap}/a.png",
        "file:///etc/passwd",
        "file:/etc/passwd",
        "/etc/passwd",
        "blob:http://{trap}/1",
        "data:text/html,<img src=http://{trap}>",
        "data:image/png,http://{trap}",
        "data:image/svg+xml;base64,PHN2Zy8+",
        "data://{trap}/a.png",
        "data:image/png;base64,http://{trap}",
        "javascript:fetch('http://{trap}')",
        "http://[::ffff:127.0.0.1]:{trap}/a.png",
        "url:http://{trap}",
        "gopher://{trap}/1",
        "",
    ],
)
def test_an_image_is_never_fetched(guarded: Guarded, url: str) -> None:
    _, trap, gateway = guarded
    url = url.format(trap=f"127.0.0.1:{trap.port}")
    text = {"type": "text", "text": "What is this?"}

    for image in ({"url": url}, {"url": url, "detail": "high"}, url):
        part = {"type": "image_url", "image_url": image}
        for path in ("/v1/chat/completions", "/chat"):
            reply = post(gateway, path, {"messages": [{"role": "user", "content": [text, part]}]})

            assert reply.status == 400
            assert str(trap.port) not in reply.error["message"]
    reply = post(gateway, "/chat", {"prompt": "What is this?", "images": [url]})
    assert reply.status == 400
    assert trap.connections == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_of_the_backend_is_not_followed(guarded: Guarded, status: int) -> None:
    fake, trap, gateway = guarded
    fake.script("/v1/chat/completions", Status(status, {"location": trap.url + "/v1/chat/completions"}))

    reply = post(gateway, "/v1/chat/completions", GOOD["/v1/chat/completions"])

    assert (reply.status, reply.error["code"]) == (502, "backend_error")
    assert str(trap.port) not in reply.error["message"]
    assert trap.connections == 0
