"""Reads a conversation as Anthropic's clients write it: a system prompt, and messages of blocks.

A result of a tool is a block of a user's message there, and a message of its own here. Templates know text alone in
it, so images of a result go into the user's message that follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import orjson

from backend.dialects.anthropic.seal import unseal
from backend.dialects.chat import Message, Part, Role, Text, ToolCall
from backend.dialects.fields import Fields
from backend.dialects.images import read_data_uri, read_typed
from backend.errors import Unsupported

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}
_BILLING = re.compile(r"x-anthropic-billing-header:(?: *[a-z_]+=[^;\n]{0,200};)*\s*")
"""What Claude Code begins its system prompt with: no word for a model, and where it changes with every request, it
would keep the backend from using what it has cached of the prompt (llama.cpp's pull request 21793)."""


def read_conversation(fields: Fields) -> tuple[Message, ...]:
    """`system` and `messages`, of which there must be one. Neighbours of one role become one message, as they do there:
    many templates want the roles to take turns. Raises BadRequest and Unsupported."""
    found = fields.objects("messages")
    if not found:
        raise fields.fault("messages", "must hold at least one message.")
    system = _system(fields)
    messages = [message for each in found for message in _messages(each)]
    return (*system, *_merged(messages))


def _system(fields: Fields) -> tuple[Message, ...]:
    if not fields.has("system"):
        return ()
    texts = (_BILLING.sub("", part.text, count=1) for part in _texts(fields, "system"))
    parts = tuple(Text(text) for text in texts if text)
    return (Message("system", parts),) if parts else ()


def _texts(fields: Fields, name: str) -> tuple[Text, ...]:
    """A string, or a list of text blocks."""
    if isinstance(fields.value(name), str):
        return (Text(fields.text(name) or ""),)
    return tuple(_text_block(block) for block in fields.objects(name))


def _text_block(block: Fields) -> Text:
    if block.value("type") != "text":
        raise block.fault("type", "must be text.")
    return Text(_required(block, "text"))


def _messages(message: Fields) -> Iterator[Message]:
    role = message.choice("role", _ROLES)
    if role is None:
        raise message.fault("role", f"must be one of {', '.join(_ROLES)}.")
    content = message.value("content")
    if not isinstance(content, (str, list)):
        raise message.fault("content", "must be a string or a list of blocks.")
    if isinstance(content, str) or role == "system":
        yield Message(_ROLES[role], _texts(message, "content"))
    elif role == "assistant":
        yield _answer(message.objects("content"))
    elif not content:
        raise message.fault("content", "must hold at least one block.")
    else:
        yield from _turn(message.objects("content"))


def _merged(messages: Sequence[Message]) -> Iterator[Message]:
    last: Message | None = None
    for message in messages:
        if last is not None and message.role == last.role and message.role in ("user", "assistant"):
            last = replace(
                last,
                parts=last.parts + message.parts,
                tool_calls=last.tool_calls + message.tool_calls,
                reasoning="\n".join(filter(None, (last.reasoning, message.reasoning))) or None,
            )
            continue
        if last is not None:
            yield last
        last = message
    if last is not None:
        yield last


# -- an answer that the model gave ----------------------------------------------------------------


def _answer(blocks: Sequence[Fields]) -> Message:
    parts: list[Part] = []
    thoughts: list[str] = []
    calls: list[ToolCall] = []
    for block in blocks:
        match block.value("type"):
            case "text":
                parts.append(Text(_required(block, "text")))
            case "thinking":
                thoughts.append(block.text("thinking") or unseal(block.text("signature") or ""))
            case "redacted_thinking":
                """Only who encrypted it can read it."""
            case "tool_use":
                calls.append(_tool_call(block))
            case _:
                raise _unknown(block)
    return Message(
        "assistant", tuple(parts), tool_calls=tuple(calls), reasoning="\n".join(filter(None, thoughts)) or None
    )


def _tool_call(block: Fields) -> ToolCall:
    arguments: Any = block.json_object("input") or {}
    return ToolCall(_name(block, "id"), _name(block, "name"), orjson.dumps(arguments).decode())


# -- what the user, or a tool, said ---------------------------------------------------------------


def _turn(blocks: Sequence[Fields]) -> Iterator[Message]:
    """Results come first, since a template wants them right behind the calls."""
    said: list[Part] = []
    for block in blocks:
        if block.value("type") == "tool_result":
            result, images = _result(block)
            said += images
            yield result
        else:
            said += _said(block)
    if said:
        yield Message("user", tuple(said))


def _said(block: Fields) -> tuple[Part, ...]:
    match block.value("type"):
        case "text":
            return (Text(_required(block, "text")),)
        case "image":
            return (_image(block.require("source")),)
        case "document":
            return _document(block)
        case "search_result":
            return _search_result(block)
        case "tool_reference":
            return (Text(f"The tool {_name(block, 'tool_name')} can be called now."),)
    raise _unknown(block)


def _result(block: Fields) -> tuple[Message, tuple[Part, ...]]:
    """The tool's message, and the images that it showed."""
    parts = _result_parts(block)
    images = tuple(part for part in parts if not isinstance(part, Text))
    texts = [part if isinstance(part, Text) else Text("[image]") for part in parts]
    if block.flag("is_error"):
        texts.insert(0, Text("The tool failed."))
    return Message("tool", tuple(texts), tool_call_id=_name(block, "tool_use_id")), images


def _result_parts(block: Fields) -> tuple[Part, ...]:
    content = block.value("content")
    if content is None or isinstance(content, str):
        return (Text(block.text("content") or ""),)
    return tuple(part for inner in block.objects("content") for part in _said(inner))


def _image(source: Fields) -> Part:
    match source.value("type"):
        case "base64":
            return read_typed(_required(source, "media_type"), _required(source, "data"), source.param("data"))
        case "url":
            return read_data_uri(_required(source, "url"), source.param("url"))
        case "file":
            raise Unsupported("No files are kept here: send the image itself, as base64.", source.param("type"))
    raise source.fault("type", "must be base64.")


def _document(block: Fields) -> tuple[Part, ...]:
    """Text under its title; a PDF would have to be read first."""
    _refuse_citations(block)
    source = block.require("source")
    headings = tuple(Text(text) for name in ("title", "context") if (text := block.text(name)))
    match source.value("type"):
        case "text":
            return (*headings, Text(_required(source, "data")))
        case "content" if isinstance(source.value("content"), str):
            return (*headings, Text(_required(source, "content")))
        case "content":
            return (*headings, *(part for inner in source.objects("content") for part in _said(inner)))
    raise Unsupported("Documents can be sent as text only, no PDF and no address.", source.param("type"))


def _search_result(block: Fields) -> tuple[Part, ...]:
    _refuse_citations(block)
    head = Text(f"{_required(block, 'title')} ({_required(block, 'source')})")
    return (head, *(_text_block(inner) for inner in block.objects("content")))


def _refuse_citations(block: Fields) -> None:
    citations = block.object("citations")
    if citations is not None and citations.flag("enabled"):
        raise Unsupported("Local models cite nothing: leave `citations` out.", block.param("citations"))


def _unknown(block: Fields) -> Unsupported:
    return Unsupported("Blocks of this type cannot be read here.", block.param("type"))


def _required(block: Fields, name: str) -> str:
    text = block.text(name)
    if text is None:
        raise block.fault(name, "must be a string.")
    return text


def _name(block: Fields, name: str) -> str:
    """Of a call or a tool. A model may have written it, and the gateway given it out: then it may come back."""
    text = block.text(name)
    if not text:
        raise block.fault(name, "must be a string that is not empty.")
    return text
