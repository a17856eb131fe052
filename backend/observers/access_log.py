"""One line a request in the log: what was asked of whom and how it ended, never what was said."""

from __future__ import annotations

import logging

from backend.observers.exchange import Exchange

MAX_WORD = 120

log = logging.getLogger("passerelle.access")


def access_log(exchange: Exchange) -> None:
    """Log an exchange: failures that are not the caller's as warnings, the files of the page (a hundred a visit) for
    those who debug, the rest as information."""
    if log.isEnabledFor(level := _level(exchange)):
        log.log(level, "%s", line(exchange))


def _level(exchange: Exchange) -> int:
    if exchange.outcome == "error":
        return logging.INFO if 400 <= exchange.status < 500 else logging.WARNING
    return logging.DEBUG if exchange.is_page_file else logging.INFO


def line(exchange: Exchange) -> str:
    """`POST /v1/chat/completions 200 ok model=… backend=… duration=…ms ttft=…ms tokens=in/out id=…`;
    `aborted` or `error=CODE` stands for `ok`, and what is not known is left out."""
    outcome = f"error={exchange.error_code or 'internal_error'}" if exchange.outcome == "error" else exchange.outcome
    words = [_word(exchange.method), _word(exchange.route), str(exchange.status), _word(outcome)]
    if exchange.model is not None:
        words.append(f"model={_word(exchange.model)}")
    if exchange.backend:
        words.append(f"backend={_word(exchange.backend)}")
    words.append(f"duration={exchange.duration_ms:.0f}ms")
    if exchange.ttft_ms is not None:
        words.append(f"ttft={exchange.ttft_ms:.0f}ms")
    if exchange.model is not None:
        words.append(f"tokens={exchange.input_tokens}/{exchange.output_tokens}")
    words.append(f"id={_word(exchange.request_id)}")
    return " ".join(words)


def _word(text: str) -> str:
    """A single printable word, so that no name can forge a second line, a field or a terminal command."""
    if not text.isprintable() or " " in text:
        text = "".join(character if character.isprintable() and character != " " else "?" for character in text)
    return text[:MAX_WORD] or "-"
