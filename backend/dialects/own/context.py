"""The course's `context`: a conversation as one opaque text, which a next call sends back to go on with it.

"p1." and base64url of the messages in JSON. Nothing is kept here between calls, nothing is compressed (a small text
that grows is a bomb), and nothing in it is trusted: whoever sends it could as well have sent the messages.
"""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Sequence

import orjson

from backend.dialects.chat import Message
from backend.dialects.fields import Fields
from backend.dialects.messages import read_messages, write_messages
from backend.errors import GatewayError

_VERSION = "p1."
_LONGEST = 32 * 2**20


def write_context(messages: Sequence[Message]) -> str:
    return _VERSION + urlsafe_b64encode(orjson.dumps(write_messages(messages))).decode().rstrip("=")


def read_context(fields: Fields) -> tuple[Message, ...]:
    """The conversation in the field `context`; () where there is none. Raises BadRequest."""
    text = fields.text("context")
    if text is None:
        return ()
    if not text.startswith(_VERSION) or len(text) > _LONGEST:
        raise fields.fault("context", "must be a value that an earlier answer gave.")
    encoded = text[len(_VERSION) :]
    try:
        written = b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        return read_messages(Fields({"context": orjson.loads(written)}), "context")
    except (ValueError, GatewayError):
        raise fields.fault("context", "is damaged: begin a new conversation, or send `messages`.") from None
