"""Reads the tools of a chat request, in today's form and in the older `functions`."""

from __future__ import annotations

import re
from typing import Literal

from backend.dialects.chat import Tool
from backend.dialects.fields import Fields
from backend.errors import BadRequest, Unsupported

ToolChoice = str | tuple[Literal["named"], str] | None
TOOL_FIELDS = ("tools", "tool_choice", "parallel_tool_calls", "functions", "function_call")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")  # OpenAI's own pattern ends at 64 and has no dot; MCP's names need both


def read_tools(fields: Fields) -> tuple[tuple[Tool, ...], ToolChoice]:
    """The tools, and which of them must be called; None leaves it to the backend."""
    if fields.has("functions") and fields.has("tools"):
        raise BadRequest("Send `tools` or the older `functions`, not both.", "functions")
    is_legacy = fields.has("functions")
    tools = tuple(_function(each) for each in fields.objects("functions")) if is_legacy else _tools(fields)
    name = "function_call" if is_legacy else "tool_choice"
    choice = _choice(fields, name)
    if isinstance(choice, tuple) and choice[1] not in {tool.name for tool in tools}:
        raise fields.fault(name, "names a function that is not among the tools.")
    if choice == "required" and not tools:
        raise fields.fault(name, "asks for a call, but there are no tools.")
    return tools, choice if tools else None


def _tools(fields: Fields) -> tuple[Tool, ...]:
    tools = []
    for tool in fields.objects("tools"):
        if tool.value("type") not in (None, "function"):
            raise Unsupported("Only tools of the type function can be used here.", tool.param("type"))
        tools.append(_function(tool.require("function")))
    return tuple(tools)


def _function(function: Fields) -> Tool:
    name = function.text("name")
    if name is None or not _NAME.fullmatch(name):
        raise function.fault("name", "must be 1 to 128 letters, digits, `_`, `.` or `-`.")
    return Tool(name, function.text("description"), function.json_object("parameters"), function.flag("strict"))


def _choice(fields: Fields, name: str) -> ToolChoice:
    value = fields.value(name)
    if not isinstance(value, dict):
        return fields.choice(name, ("none", "auto", "required"))
    choice = fields.require(name)
    if name == "function_call":
        return "named", _named(choice)
    if choice.value("type") not in (None, "function"):
        raise Unsupported("A tool choice can be none, auto, required or one function.", choice.param("type"))
    return "named", _named(choice.require("function"))


def _named(function: Fields) -> str:
    name = function.text("name")
    if name is None:
        raise function.fault("name", "must be a string.")
    return name
