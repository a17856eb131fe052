"""Writes the tools of a request as Ollama can read them.

It reads a schema into a structure of its own (api/types.go: ToolFunctionParameters, ToolProperty), where a value of
another type than it knows refuses the whole request, and a type that is not told becomes "", which its runner refuses.
JSON Schema knows more: `true` for any value, no type at all.
"""

from __future__ import annotations

from collections.abc import Mapping

from backend.dialects.chat import JSON, ChatRequest


def write_tools(request: ChatRequest) -> list[JSON]:
    """Only the named one where the caller chose it: a call of it cannot be forced otherwise."""
    choice = request.tool_choice
    if choice == "none":
        return []
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description or "",
                "parameters": _parameters(tool.parameters or {}),
            },
        }
        for tool in request.tools
        if not isinstance(choice, tuple) or tool.name == choice[1]
    ]


def _parameters(schema: Mapping[str, JSON]) -> JSON:
    written = _property(schema)
    kind = schema.get("type")
    written["type"] = kind if isinstance(kind, str) and kind else "object"
    written.setdefault("properties", {})
    return written


def _property(schema: JSON) -> dict[str, JSON]:
    """The schema without what Ollama could not read; where it says nothing that is left, any value will do."""
    told = schema if isinstance(schema, Mapping) else {}
    return {name: value for name, item in told.items() if (value := _readable(name, item)) is not None}


def _readable(name: str, value: JSON) -> JSON:
    match name:
        case "properties":
            return {key: _property(item) for key, item in value.items()} if isinstance(value, Mapping) else None
        case "anyOf":
            return [_property(item) for item in value] if isinstance(value, list) else None
        case "type":
            return value if isinstance(value, str) and value else _texts(value)
        case "required":
            return _texts(value)
        case "description":
            return value if isinstance(value, str) else None
        case "enum":
            return value if isinstance(value, list) else None
    return value


def _texts(value: JSON) -> list[str] | None:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else None
