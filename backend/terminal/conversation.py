"""A conversation from the terminal: asks the gateway, shows answers as they arrive, remembers what was said."""

from __future__ import annotations

import base64
import contextlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from backend.terminal.gateway_client import Answer, GatewayClient, RemoteError
from backend.terminal.screen import AnswerView, printable

# The first bytes of the formats that backends read; a file's name proves nothing.
_IMAGE_TYPES = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF8", "gif"))

HELP = """\
/model NAME   talk to another model; /model alone says which one answers
/clear        forget what was said
/quit         leave (or Ctrl-D)
/help         this list
Ctrl-C aborts an answer. Anything else is said to the model."""


def user_message(prompt: str, images: Sequence[str] = ()) -> dict[str, Any]:
    if not images:
        return {"role": "user", "content": prompt}
    shown = [{"type": "image_url", "image_url": {"url": _data_url(Path(image))}} for image in images]
    return {"role": "user", "content": [{"type": "text", "text": prompt}, *shown]}


def _data_url(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as fault:
        raise RemoteError(f"{printable(path.name)} cannot be read: {fault.strerror}.") from fault
    kind = next((name for start, name in _IMAGE_TYPES if data.startswith(start)), None)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        kind = "webp"
    if kind is None:
        raise RemoteError(f"{printable(path.name)} is no PNG, JPEG, GIF or WebP image.")
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


class Conversation:
    """What was said so far, with whom. `options` are further fields of the request; None leaves one out."""

    def __init__(
        self,
        gateway: GatewayClient,
        model: str = "",
        system: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._gateway = gateway
        self._start = [{"role": "system", "content": system}] if system else []
        self._options = {name: value for name, value in (options or {}).items() if value is not None}
        self._said: list[dict[str, Any]] = []
        self.model = model
        self.answered_by = ""

    def ask(self, message: dict[str, Any]) -> bool:
        """Show the answer as it arrives; False where Ctrl-C aborted it. Raises RemoteError.

        A question stays in the conversation only with an answer, be it an aborted one.
        """
        view = AnswerView()
        text: list[str] = []
        is_whole = False
        try:
            with contextlib.suppress(KeyboardInterrupt):
                self._receive([*self._start, *self._said, message], view, text)
                is_whole = True
        finally:
            view.end()
        if text:
            self._said += [message, {"role": "assistant", "content": "".join(text)}]
        return is_whole

    def forget(self) -> None:
        self._said.clear()

    def _receive(self, messages: list[dict[str, Any]], view: AnswerView, text: list[str]) -> None:
        request = {"model": self.model, "messages": messages, **self._options}
        with self._gateway.chat(request) as answer:
            for piece in answer:
                view.reasoning(piece.reasoning)
                if piece.text:
                    text.append(piece.text)
                view.text(piece.text)
            self.answered_by = answer.model
            view.end()
            click.echo(figures(answer), err=True)


def figures(answer: Answer) -> str:
    """`41 tokens · 50.1 tokens/s · first token after 40 ms · demo on embedded`, as far as they are known."""
    own = answer.usage.get("passerelle")
    own = own if isinstance(own, dict) else {}
    tokens, speed, ttft_ms = answer.usage.get("completion_tokens"), own.get("tokens_per_second"), own.get("ttft_ms")
    about = "about " if own.get("estimated") is True else ""
    known = []
    if _is_number(tokens):
        known.append(f"{about}{tokens:.0f} token" + ("" if tokens == 1 else "s"))
    if _is_number(speed):
        known.append(f"{speed:.1f} tokens/s")
    if _is_number(ttft_ms):
        known.append(f"first token after {ttft_ms:.0f} ms")
    known.append(" on ".join(str(name) for name in (answer.model, own.get("backend")) if name))
    if answer.finish_reason == "length":
        known.append("stopped at the longest length")
    return printable(" · ".join(part for part in known if part))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def talk(conversation: Conversation) -> None:
    """Read, ask and answer until the end of input."""
    with contextlib.suppress(ImportError):  # Windows has no readline; its console edits lines itself
        import readline  # noqa: F401
    is_terminal = sys.stdin.isatty()
    if is_terminal:
        click.echo("Type a message. /help lists commands, Ctrl-D leaves.", err=True)
    while (said := _line("> " if is_terminal else "")) is not None:
        if not said.strip():
            continue
        if _is_command(said):
            if said.split()[0] == "/quit":
                return
            _obey(said, conversation)
            continue
        try:
            conversation.ask(user_message(said))
        except RemoteError as fault:
            click.echo(str(fault), err=True)


def _line(prompt: str) -> str | None:
    """A line of input; "" after Ctrl-C, None at the end."""
    try:
        return input(prompt)
    except KeyboardInterrupt:
        click.echo("\nCtrl-D or /quit leaves.", err=True)
        return ""
    except EOFError:
        if prompt:
            click.echo()
        return None


def _is_command(said: str) -> bool:
    """`/word`; a path such as /etc/hosts is something to say."""
    return said.startswith("/") and said.split()[0][1:].isalpha()


def _obey(said: str, conversation: Conversation) -> None:
    word, _, rest = said.partition(" ")
    action = _COMMANDS.get(word)
    click.echo(action(conversation, rest.strip()) if action else f"There is no {printable(word)}.\n{HELP}", err=True)


def _clear(conversation: Conversation, _: str) -> str:
    conversation.forget()
    return "Forgotten."


def _model(conversation: Conversation, name: str) -> str:
    if name:
        conversation.model = name
        return f"Now talking to {printable(name)}."
    return printable(conversation.model or conversation.answered_by or "the gateway's default model")


_COMMANDS: dict[str, Callable[[Conversation, str], str]] = {
    "/help": lambda _conversation, _rest: HELP,
    "/clear": _clear,
    "/model": _model,
}
