"""Reads the requests of Anthropic's Messages API. Field facts: the types of anthropic-python 2.14.

Fields that only keep Anthropic's books are dropped without a word. What would make another answer of it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from backend.dialects.anthropic.conversation import read_conversation
from backend.dialects.anthropic.error import thread_refused
from backend.dialects.anthropic.tools import read_parallel, read_tools
from backend.dialects.chat import JSON, ChatRequest, ResponseFormat
from backend.dialects.fields import INT32_MAX, Fields
from backend.dialects.sampling import (
    MESSAGE_SAMPLING_FIELDS,
    RESIDENCY_FIELDS,
    read_message_sampling,
    read_residency,
)
from backend.errors import Unsupported

EFFORTS = ("low", "medium", "high", "xhigh", "max")
MESSAGE_FIELDS = frozenset(
    (
        "model",
        "messages",
        "system",
        "stream",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "output_format",
        *MESSAGE_SAMPLING_FIELDS,
        *RESIDENCY_FIELDS,
    )
)
_BOOKKEEPING = frozenset(
    (
        "cache_control",
        "diagnostics",
        "inference_geo",
        "metadata",
        "service_tier",
        "user_profile_id",
    )
)
_ELSEWHERE = {
    "container": "Nothing runs in containers here.",
    "mcp_servers": "The gateway calls no MCP servers: give their tools as `tools`.",
}
_BUDGETS = ((2048, "low"), (8192, "medium"))
"""Up to how many thinking tokens stand for which effort, for backends that know efforts alone; above them "high"."""


def parse_messages(body: Mapping[str, JSON]) -> ChatRequest:
    """`POST /v1/messages`, and `/v1/messages/count_tokens`, whose fields are some of the same. `max_tokens` may be left
    out, as nowhere at Anthropic: then the model ends by itself. Raises BadRequest and Unsupported."""
    fields = Fields(body)
    _refuse(fields)
    ignored = fields.dropped(MESSAGE_FIELDS, _BOOKKEEPING)
    tools, tool_choice = read_tools(fields)
    return ChatRequest(
        model=fields.model(),
        messages=read_conversation(fields),
        stream=bool(fields.flag("stream")),
        include_usage=True,
        sampling=read_message_sampling(fields),
        tools=tools,
        tool_choice=tool_choice,
        parallel_tool_calls=read_parallel(fields) if tools else None,
        response_format=_response_format(fields),
        names_stop=True,
        tells_prompt=True,
        residency=read_residency(fields),
        ignored=ignored,
        **_thinking(fields),
    )


def _refuse(fields: Fields) -> None:
    if fields.has("thread"):
        raise thread_refused()
    for name, sentence in _ELSEWHERE.items():
        if fields.value(name):
            raise Unsupported(sentence, name)


def _response_format(fields: Fields) -> ResponseFormat | None:
    """`output_config.format`, or `output_format`, its older place."""
    config = fields.object("output_config") or Fields({}, "output_config")
    form = config.object("format") or fields.object("output_format")
    if form is None:
        return None
    if form.value("type") != "json_schema":
        raise form.fault("type", "must be json_schema.")
    form.require("schema")
    return ResponseFormat("json_schema", schema=form.json_object("schema"))


def _thinking(fields: Fields) -> dict[str, Any]:
    """What is said of thinking, as an effort: unlike `think`, that is kept from models that cannot think.

    Who asks for no thinking gets none to see, even where the model thinks all the same: programs that were written so
    read the first block as the answer.
    """
    thinking = fields.object("thinking") or Fields({}, "thinking")
    config = fields.object("output_config") or Fields({}, "output_config")
    effort = config.choice("effort", EFFORTS)
    word = thinking.choice("type", ("enabled", "adaptive", "between_tools", "disabled"))
    if fields.has("thinking") and word is None:
        raise thinking.fault("type", "must be enabled, adaptive or disabled.")
    if word in (None, "disabled"):
        return {"reasoning_effort": "none" if word else effort, "reasoning": "left out"}
    budget = thinking.whole("budget_tokens", 1, INT32_MAX) if word == "enabled" else None
    return {
        "reasoning_effort": effort or _effort(budget),
        "thinking_tokens": budget,
        "reasoning": _display(thinking),
    }


def _effort(budget: int | None) -> str | None:
    if budget is None:
        return None
    return next((effort for most, effort in _BUDGETS if budget <= most), "high")


def _display(thinking: Fields) -> Literal["shown", "sealed"]:
    return "sealed" if thinking.choice("display", ("summarized", "omitted")) == "omitted" else "shown"
