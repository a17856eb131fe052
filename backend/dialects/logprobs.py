"""The two forms that OpenAI gives log probabilities, and how the pieces of a stream become one.

Events carry chat's form, `{"content": [{"token", "logprob", "bytes", "top_logprobs"}, …]}`, whatever was asked;
a server's own older form (`{"tokens", "token_logprobs", …}`) goes through to /completions as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from backend.dialects.chat import JSON

_LISTS = ("tokens", "token_logprobs", "top_logprobs", "text_offset")


def joined_chat_logprobs(pieces: Sequence[JSON]) -> JSON:
    """The pieces of a choice as one object; None where there were none."""
    if not pieces:
        return None
    return {"content": [token for piece in pieces for token in _tokens(piece)], "refusal": None}


def joined_completion_logprobs(pieces: Sequence[JSON]) -> JSON:
    """The same in the older form of /completions."""
    if not pieces:
        return None
    joined: dict[str, list[JSON]] = {name: [] for name in _LISTS}
    offset = 0
    for piece in pieces:
        written = completion_logprobs(piece, offset)
        for name in _LISTS:
            found = written.get(name)
            joined[name] += found if isinstance(found, list) else []
        offset += logprobs_length(piece)
    return joined


def completion_logprobs(piece: JSON, offset: int) -> dict[str, JSON]:
    """One piece in the older form. `offset`: characters of the choice's text before it."""
    if isinstance(piece, dict) and "tokens" in piece:
        return piece
    written: dict[str, list[JSON]] = {name: [] for name in _LISTS}
    for token in _tokens(piece):
        text = token.get("token")
        written["tokens"].append(text)
        written["token_logprobs"].append(token.get("logprob"))
        written["top_logprobs"].append(_alternatives(token.get("top_logprobs")))
        written["text_offset"].append(offset)
        offset += len(text) if isinstance(text, str) else 0
    return written


def logprobs_length(piece: JSON) -> int:
    """How many characters of text the piece's tokens are."""
    return sum(len(text) for token in _tokens(piece) if isinstance(text := token.get("token"), str))


def _tokens(piece: JSON) -> list[dict[str, JSON]]:
    """Only what has the right shape: a backend's numbers are a help, never a reason to fail an answer."""
    content = piece.get("content") if isinstance(piece, dict) else None
    return [token for token in content if isinstance(token, dict)] if isinstance(content, list) else []


def _alternatives(found: JSON) -> dict[str, JSON]:
    if not isinstance(found, list):
        return {}
    return {
        each["token"]: each.get("logprob")
        for each in found
        if isinstance(each, dict) and isinstance(each.get("token"), str)
    }
