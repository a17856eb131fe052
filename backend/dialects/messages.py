"""Reads and writes a conversation as OpenAI writes it: messages with their parts and tool calls."""

from __future__ import annotations

from collections.abc import Sequence

from backend.dialects.chat import JSON, Message, Part, Role, Text, ToolCall
from backend.dialects.fields import Fields
from backend.dialects.images import read_data_uri, read_images
from backend.errors import Unsupported

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
_MESSAGE_FIELDS = frozenset(
    (
        "role",
        "content",
        "images",
        "name",
        "tool_calls",
        "tool_call_id",
        "function_call",
        "reasoning_content",
        "reasoning",
    )
)
_LONGEST_NAME = 256


def read_messages(fields: Fields, name: str = "messages") -> tuple[Message, ...]:
    """A conversation of at least one message."""
    found = fields.objects(name)
    if not found:
        raise fields.fault(name, "must hold at least one message.")
    legacy_ids: dict[str, str] = {}
    return tuple(_message(message, f"call_{index}", legacy_ids) for index, message in enumerate(found))


def write_messages(messages: Sequence[Message]) -> list[JSON]:
    """What `read_messages` reads back as the same messages."""
    return [_written(message) for message in messages]


def _message(message: Fields, legacy_id: str, legacy_ids: dict[str, str]) -> Message:
    """`legacy_ids` finds the id of an older `function_call` by its function's name, since it has no id of its own."""
    message.dropped(_MESSAGE_FIELDS)
    word = message.choice("role", _ROLES)
    if word is None:
        raise message.fault("role", f"must be one of {', '.join(_ROLES)}.")
    role = _ROLES[word]
    name = message.text("name") if role == "tool" else message.label("name", _LONGEST_NAME)
    calls = _tool_calls(message, legacy_id, legacy_ids) if role == "assistant" else ()
    reply_to = message.text("tool_call_id") if role == "tool" else None
    if word == "function" and name is not None:
        reply_to = reply_to or legacy_ids.get(name)
    if role == "tool" and reply_to is None and name is None:
        raise message.fault("tool_call_id", "must tell which call this answers.")
    parts = (*_parts(message, role), *read_images(message))
    return Message(role, parts, name, calls, reply_to, _reasoning(message, role))


def _reasoning(message: Fields, role: Role) -> str | None:
    """Servers disagree on the field's name, so clients send either back."""
    if role != "assistant":
        return None
    return message.text("reasoning_content") or message.text("reasoning") or None


def _parts(message: Fields, role: Role) -> tuple[Part, ...]:
    content = message.value("content")
    if content is None and role == "assistant":
        return ()
    if isinstance(content, str):
        return (Text(message.text("content") or ""),)
    if not isinstance(content, list):
        raise message.fault("content", "must be a string or a list of parts.")
    parts = tuple(_part(part) for part in message.objects("content"))
    if not parts and role != "assistant":
        raise message.fault("content", "must hold at least one part.")
    return parts


def _part(part: Fields) -> Part:
    match part.value("type"):
        case "text":
            return Text(_required(part, "text"))
        case "refusal":
            return Text(_required(part, "refusal"))
        case "image_url":
            if isinstance(part.value("image_url"), str):
                return read_data_uri(_required(part, "image_url"), part.param("image_url"))
            image = part.require("image_url")
            return read_data_uri(_required(image, "url"), image.param("url"))
        case "input_audio" | "file":
            raise Unsupported("Only text and images can be sent, no sound and no files.", part.param("type"))
    raise part.fault("type", "must be text or image_url.")


def _required(part: Fields, name: str) -> str:
    text = part.text(name)
    if text is None:
        raise part.fault(name, "must be a string.")
    return text


def _tool_calls(message: Fields, legacy_id: str, legacy_ids: dict[str, str]) -> tuple[ToolCall, ...]:
    calls = [_tool_call(call) for call in message.objects("tool_calls")]
    legacy = message.object("function_call")
    if legacy is not None and not calls:
        calls = [_function(legacy, legacy_id)]
        legacy_ids[calls[0].name] = legacy_id
    return tuple(calls)


def _tool_call(call: Fields) -> ToolCall:
    if call.value("type") not in (None, "function"):
        raise Unsupported("Only tool calls of the type function are known here.", call.param("type"))
    id = call.text("id")
    if id is None:
        raise call.fault("id", "must be a string.")
    return _function(call.require("function"), id)


def _function(function: Fields, id: str) -> ToolCall:
    """A model wrote it, and the gateway gave it out: whatever it is, it may come back."""
    name = function.text("name")
    if not name:
        raise function.fault("name", "must name a function.")
    return ToolCall(id, name, function.text("arguments") or "{}")


def _written(message: Message) -> dict[str, JSON]:
    written: dict[str, JSON] = {"role": message.role}
    if message.parts:
        written["content"] = [_written_part(part) for part in message.parts]
    if message.name is not None:
        written["name"] = message.name
    if message.tool_calls:
        written["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        written["tool_call_id"] = message.tool_call_id
    if message.reasoning is not None:
        written["reasoning_content"] = message.reasoning
    return written


def _written_part(part: Part) -> dict[str, JSON]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    return {"type": "image_url", "image_url": {"url": f"data:{part.media_type};base64,{part.data}"}}
