"""A long answer of the kind that models write: headings, paragraphs, lists, code and tables, in pieces like tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator

TOKENS = 10_000
SECTIONS = 20

_WORDS = re.findall(
    r"\S+",
    "the gateway keeps each open stream in a small record and passes every event on as soon as it comes while a slow "
    "reader makes it stop asking for more so that memory stays bounded even when **hundreds of people** read at once "
    "and the *first token* decides how quick an answer feels although `tokens_per_second` says more about its length",
)
_TOKEN = re.compile(r" ?[A-Za-z_]{1,8}| ?\d{1,3}|\n[\n ]*| ?[^\w\s]{1,4}|\s+")
_PYTHON = """def relay(events, client, patience=30.0):
    \"\"\"Pass events on until the client leaves or the model has said all.\"\"\"
    sent = 0
    for number, event in enumerate(events):
        if client.is_gone:  # nobody reads any more
            raise Aborted(f"left after {sent} bytes")
        sent += client.send(event.encode("utf-8"))
        if number % 100 == 0 and patience > 0.5:
            log.debug("sent %d bytes in %d events", sent, number)
    return {"sent": sent, "finished": True}"""
_JAVASCRIPT = """export async function* lines(stream) {
  const decoder = new TextDecoder()
  let rest = ""
  for await (const bytes of stream) {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split("\\n")
    rest = parts.pop() // the last line may go on
    for (const line of parts) if (line !== "") yield `${line}\\n`
  }
  if (rest.length > 0) yield rest
}"""


def pieces(with_code: bool = True) -> list[str]:
    """TOKENS pieces of 40 kB in all, with `with_code` 20 code blocks and 20 tables among them, else 20 tables."""
    words = _endless_words()
    text = "".join(_section(number, words, with_code) for number in range(1, SECTIONS + 1))
    tokens = _TOKEN.findall(text)
    while len(tokens) < TOKENS:
        tokens += _TOKEN.findall(_sentence(words, 60) + "\n\n")
    return tokens[:TOKENS]


def _section(number: int, words: Iterator[str], with_code: bool) -> str:
    rows = "\n".join(f"| row {row} | {row * number} | {_words(words, 3)} |" for row in range(1, 7))
    items = "\n".join(f"- {_sentence(words, 14)}" for _ in range(4))
    steps = "\n".join(f"{step}. {_sentence(words, 10)}\n   - {_words(words, 6)}" for step in range(1, 4))
    code = f"```{'python' if number % 2 else 'js'}\n{_PYTHON if number % 2 else _JAVASCRIPT}\n```" if with_code else ""
    blocks = [
        f"{'##' if number % 4 else '#'} {number}. {_words(words, 4)}",
        _sentence(words, 50),
        items,
        code or _sentence(words, 60),
        _sentence(words, 35) + " See [the notes](https://example.org/notes) for more.",
        f"| name | value | note |\n|:-----|------:|------|\n{rows}",
        steps,
        f"> {_sentence(words, 20)}",
    ]
    return "\n\n".join(blocks) + "\n\n"


def _endless_words() -> Iterator[str]:
    while True:
        yield from _WORDS


def _words(words: Iterator[str], count: int) -> str:
    return " ".join(next(words).strip("*`") for _ in range(count))


def _sentence(words: Iterator[str], count: int) -> str:
    return " ".join(next(words) for _ in range(count)).capitalize() + "."
