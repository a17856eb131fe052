"""Reads the tools of a request, and which of them must be called."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from backend.dialects.chat import JSON, Tool
from backend.dialects.fields import Fields
from backend.errors import Unsupported

ToolChoice = str | tuple[Literal["named"], str] | None
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_CHOICES = {"auto": "auto", "any": "required", "none": "none", "tool": "named"}


def read_tools(fields: Fields) -> tuple[tuple[Tool, ...], ToolChoice]:
    """The tools that the model may know of, and which of them must be called; None leaves that to the backend. A tool
    with `defer_loading` is known once a tool's result refers to it."""
    found = set(_references(fields.value("messages")))
    listed = fields.objects("tools")
    tools = tuple(_tool(tool) for tool in listed if not tool.flag("defer_loading") or tool.value("name") in found)
    choice = _choice(fields, {tool.name for tool in tools})
    return tools, choice if tools else None


def read_parallel(fields: Fields) -> bool | None:
    """False where one call at a time is wanted."""
    choice = fields.object("tool_choice")
    return False if choice is not None and choice.flag("disable_parallel_tool_use") else None


def _tool(tool: Fields) -> Tool:
    """Tools of other types are run by Anthropic's servers, or have a schema that only its models know."""
    if tool.value("type") not in (None, "custom"):
        raise Unsupported("Only tools with an `input_schema` of their own can be used here.", tool.param("type"))
    name = tool.text("name")
    if name is None or not _NAME.fullmatch(name):
        raise tool.fault("name", "must be 1 to 128 letters, digits, `_`, `.` or `-`.")
    tool.require("input_schema")
    return Tool(name, tool.text("description"), tool.json_object("input_schema"), tool.flag("strict"))


def _choice(fields: Fields, names: set[str]) -> ToolChoice:
    choice = fields.object("tool_choice")
    word = choice.choice("type", _CHOICES) if choice is not None else None
    if choice is None or word is None:
        return None
    if word == "any" and not names:
        raise fields.fault("tool_choice", "asks for a call, but there are no tools.")
    if word != "tool":
        return _CHOICES[word]
    name = choice.text("name")
    if name is None or name not in names:
        raise choice.fault("name", "must name one of the tools.")
    return "named", name


def _references(messages: JSON) -> Iterator[JSON]:
    """The names of the tools that earlier searches have found. What is malformed is found by who reads it all."""
    for message in _dicts(messages):
        for block in _dicts(message.get("content")):
            for part in _dicts(block.get("content")):
                if part.get("type") == "tool_reference" and isinstance(part.get("tool_name"), str):
                    yield part["tool_name"]


def _dicts(items: JSON) -> list[dict[str, JSON]]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
