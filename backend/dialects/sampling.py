"""Reads the fields that OpenAI's dialect and the course's share: sampling, and how a model is held in memory.

Ollama's `options` may stand in a request of either. Those that have a place in `Sampling` go there, so that they
work over any backend; the rest (`num_ctx` and friends) is for a backend that knows it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from backend.dialects.chat import JSON, Residency, Sampling
from backend.dialects.fields import INT32_MAX, Fields
from backend.errors import BadRequest

THINK_LEVELS = ("low", "medium", "high", "max")
RESIDENCY_FIELDS = ("keep_alive", "ttl", "options", "num_ctx")
_MOST_STOPS = 16
_LONGEST_STOP = 1024
_MOST_OPTIONS = 64
_LONGEST_OPTION = 1024
_LONGEST_KEEP_ALIVE_S = 10**9
_LONGEST_DURATION = 64
_OPTION_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
# Go's time.ParseDuration, which Ollama reads it with: a bare number in a string fails there, but "0" does not.
_DURATION = re.compile(r"[+-]?(?:0|(?:(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(?:ns|us|µs|μs|ms|s|m|h))+)")
_TOKEN_ID = re.compile(r"[0-9]{1,10}")


def _temperature(fields: Fields, name: str) -> JSON:
    return fields.number(name, 0, 2)


def _share(fields: Fields, name: str) -> JSON:
    return fields.number(name, 0, 1)


def _penalty(fields: Fields, name: str) -> JSON:
    return fields.number(name, -2, 2)


def _repeat_penalty(fields: Fields, name: str) -> JSON:
    return fields.number(name, 0, 10)


def _top_k(fields: Fields, name: str) -> JSON:
    return fields.whole(name, -1, INT32_MAX)


def _seed(fields: Fields, name: str) -> JSON:
    return fields.whole(name, -(2**63), 2**63 - 1)


def _stop(fields: Fields, name: str) -> tuple[str, ...]:
    value = fields.value(name)
    stops = (fields.text(name) or "",) if isinstance(value, str) else fields.texts(name)
    if len(stops) > _MOST_STOPS or not all(0 < len(stop) <= _LONGEST_STOP for stop in stops):
        raise fields.fault(name, f"must hold at most {_MOST_STOPS} strings of 1 to {_LONGEST_STOP} characters.")
    return stops


def _max_tokens(fields: Fields, name: str) -> int | None:
    """-1 is "no limit". 0 is refused: llama.cpp writes one token for it, Ollama any number."""
    limit = fields.whole(name, -1, INT32_MAX)
    if limit == 0:
        raise fields.fault(name, "must be 1 or more, or -1 for no limit.")
    return None if limit == -1 else limit


def _num_predict(fields: Fields, name: str) -> int | None:
    """As `_max_tokens`; Ollama's -2 ("until the context is full") is no limit of the caller's either."""
    return None if fields.value(name) == -2 else _max_tokens(fields, name)


def _logit_bias(fields: Fields, name: str) -> Mapping[str, float] | None:
    found = fields.object(name)
    if found is None:
        return None
    if not all(_TOKEN_ID.fullmatch(token) for token in found.names):
        raise fields.fault(name, "must name tokens by their numbers.")
    return {token: found.number(token, -100, 100) or 0.0 for token in found.names}


def _whole(fields: Fields, name: str) -> JSON:
    return fields.whole(name, -INT32_MAX, INT32_MAX)


def _number(fields: Fields, name: str) -> JSON:
    return fields.number(name, -1e9, 1e9)


def _flag(fields: Fields, name: str) -> JSON:
    return fields.flag(name)


_Reader = Callable[[Fields, str], Any]
_COMMON: dict[str, _Reader] = {
    "temperature": _temperature,
    "top_p": _share,
    "top_k": _top_k,
    "min_p": _share,
    "seed": _seed,
    "stop": _stop,
    "presence_penalty": _penalty,
    "frequency_penalty": _penalty,
    "repeat_penalty": _repeat_penalty,
}
# In order: of two names for one thing the first one holds.
_OPENAI: tuple[tuple[str, str, _Reader], ...] = (
    *((name, name, reader) for name, reader in _COMMON.items()),
    ("max_completion_tokens", "max_tokens", _max_tokens),
    ("max_tokens", "max_tokens", _max_tokens),
    ("logit_bias", "logit_bias", _logit_bias),
)
_OLLAMA: tuple[tuple[str, str, _Reader], ...] = (
    *((name, name, reader) for name, reader in _COMMON.items()),
    ("num_predict", "max_tokens", _num_predict),
)
# The rest of Ollama's options (api/types.go: Options), which refuses other types with a 500.
_OPTIONS: dict[str, _Reader] = {
    **dict.fromkeys(("num_keep", "repeat_last_n", "num_ctx", "num_batch", "num_gpu", "main_gpu"), _whole),
    **dict.fromkeys(("num_thread", "draft_num_predict"), _whole),
    "typical_p": _number,
    "use_mmap": _flag,
}
_ANTHROPIC: tuple[tuple[str, str, _Reader], ...] = (
    ("max_tokens", "max_tokens", _max_tokens),
    ("temperature", "temperature", _temperature),
    ("top_p", "top_p", _share),
    ("top_k", "top_k", _top_k),
    ("stop_sequences", "stop", _stop),
)
MESSAGE_SAMPLING_FIELDS = tuple(name for name, _, _ in _ANTHROPIC)
SAMPLING_FIELDS = tuple(name for name, _, _ in _OPENAI)


def read_sampling(fields: Fields, **logprobs: Any) -> Sampling:
    """OpenAI's fields, then Ollama's `options` for what they leave open; `logprobs` as Sampling has it."""
    said = _said(fields, _OPENAI)
    options = read_options(fields)
    return Sampling(**{**_said(options, _OLLAMA), **said, **logprobs})


def read_message_sampling(fields: Fields) -> Sampling:
    """Anthropic's fields, then `options` for what they leave open."""
    return Sampling(**{**_said(read_options(fields), _OLLAMA), **_said(fields, _ANTHROPIC)})


def read_option_sampling(fields: Fields) -> Sampling:
    """What Ollama's `options` say of sampling, where the dialect has no other place for it."""
    return Sampling(**_said(read_options(fields), _OLLAMA))


def read_options(fields: Fields) -> Fields:
    """Ollama's `options`: one flat level. Values are checked in `read_residency` or by the reader of their name."""
    options = fields.object("options") or Fields({}, fields.param("options"))
    if len(options.names) > _MOST_OPTIONS:
        raise fields.fault("options", f"must hold at most {_MOST_OPTIONS} options.")
    if not all(_OPTION_NAME.fullmatch(name) for name in options.names):
        raise fields.fault("options", "must have names of letters, digits and `_`.")
    return options


def read_residency(fields: Fields) -> Residency:
    """`keep_alive`, `ttl`, and those `options` that are not sampling; `num_ctx` may also stand outside of them."""
    options = read_options(fields)
    taken = {name for name, _, _ in _OLLAMA}
    rest = {name: _option(options, name) for name in options.names if name not in taken and options.has(name)}
    if fields.has("num_ctx"):
        rest["num_ctx"] = fields.whole("num_ctx", 1, INT32_MAX)
    return Residency(_keep_alive(fields), fields.whole("ttl", 0, INT32_MAX), rest)


def read_think(fields: Fields) -> bool | str | None:
    """Ollama's switch: true, false, or how much."""
    value = fields.value("think")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and value in THINK_LEVELS:
        return value
    raise fields.fault("think", f"must be true, false or one of {', '.join(THINK_LEVELS)}.")


def _said(fields: Fields, names: tuple[tuple[str, str, _Reader], ...]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for name, canonical, reader in names:
        if fields.has(name):
            value = reader(fields, name)
            said.setdefault(canonical, value)
    return said


def _option(options: Fields, name: str) -> JSON:
    if name in _OPTIONS:
        return _OPTIONS[name](options, name)
    value = options.value(name)
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return options.whole(name, -(2**63), 2**63 - 1)
    if isinstance(value, float):
        return options.number(name, -1e300, 1e300)
    if isinstance(value, str):
        return options.label(name, _LONGEST_OPTION)
    raise options.fault(name, "must be a number, true, false or a string.")


def _keep_alive(fields: Fields) -> str | int | float | None:
    value = fields.value("keep_alive")
    if isinstance(value, str):
        if len(value) > _LONGEST_DURATION or not _DURATION.fullmatch(value):
            raise fields.fault("keep_alive", 'must be seconds as a number, or a duration such as "10m" (-1: for ever).')
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return fields.whole("keep_alive", -_LONGEST_KEEP_ALIVE_S, _LONGEST_KEEP_ALIVE_S)
    return fields.number("keep_alive", -_LONGEST_KEEP_ALIVE_S, _LONGEST_KEEP_ALIVE_S)


def read_logprobs(fields: Fields) -> dict[str, Any]:
    """Chat's `logprobs` and `top_logprobs`, as `Sampling` has them."""
    is_asked = bool(fields.flag("logprobs"))
    top = fields.whole("top_logprobs", 0, 20)
    if top and not is_asked:
        raise BadRequest("`top_logprobs` needs `logprobs` to be true.", fields.param("top_logprobs"))
    return {"logprobs": is_asked, "top_logprobs": top if is_asked else None}
