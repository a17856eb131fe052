from __future__ import annotations

import logging
from typing import Any

import pytest

from backend.observers.access_log import access_log, line
from backend.observers.exchange import Exchange


def exchange(**changes: Any) -> Exchange:
    fields: dict[str, Any] = {
        "request_id": "req-1",
        "route": "/v1/chat/completions",
        "method": "POST",
        "status": 200,
        "outcome": "ok",
        "duration_ms": 812.4,
        "model": "demo",
        "backend": "embedded",
        "input_tokens": 12,
        "output_tokens": 41,
        "ttft_ms": 39.6,
    }
    return Exchange(**{**fields, **changes})


def test_a_line_says_what_was_asked_and_how_it_ended() -> None:
    assert line(exchange()) == (
        "POST /v1/chat/completions 200 ok model=demo backend=embedded duration=812ms ttft=40ms tokens=12/41 id=req-1"
    )


def test_an_abort_is_called_one() -> None:
    assert line(exchange(outcome="aborted", status=499)).startswith("POST /v1/chat/completions 499 aborted model=demo ")


def test_what_is_not_known_is_left_out() -> None:
    refused = exchange(
        status=401, outcome="error", error_code="invalid_api_key", model=None, backend=None, ttft_ms=None
    )

    assert line(refused) == "POST /v1/chat/completions 401 error=invalid_api_key duration=812ms id=req-1"


def test_a_hostile_model_name_cannot_forge_a_line_or_drive_a_terminal() -> None:
    shown = line(exchange(model="x\nGET / 200 ok\x1b[2J\u202e\x9b1m id=forged", request_id="r\r\nSet-Cookie: a"))

    assert shown.isprintable()
    assert " id=forged" not in shown
    assert "id=r??Set-Cookie:?a" in shown


def test_a_long_model_name_is_cut() -> None:
    assert len(line(exchange(model="m" * 100_000))) < 400


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({}, logging.INFO),
        ({"outcome": "aborted"}, logging.INFO),
        ({"outcome": "error", "status": 404, "error_code": "model_not_found"}, logging.INFO),
        ({"outcome": "error", "status": 502, "error_code": "backend_error"}, logging.WARNING),
        ({"outcome": "error", "status": 200, "error_code": "truncated"}, logging.WARNING),
        ({"is_page_file": True, "method": "GET"}, logging.DEBUG),
        ({"is_page_file": True, "method": "GET", "outcome": "error", "status": 404}, logging.INFO),
        ({"is_page_file": True, "method": "GET", "outcome": "error", "status": 500}, logging.WARNING),
    ],
)
def test_failures_that_are_not_the_callers_are_warnings_and_files_of_the_page_are_for_those_who_debug(
    caplog: pytest.LogCaptureFixture, changes: dict[str, Any], level: int
) -> None:
    with caplog.at_level(logging.DEBUG, logger="passerelle.access"):
        access_log(exchange(**changes))

    assert [(record.name, record.levelno) for record in caplog.records] == [("passerelle.access", level)]
