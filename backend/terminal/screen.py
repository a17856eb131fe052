"""Text for a terminal: what may be shown there, tables, an answer as it arrives, and how far something is.

Names and answers come from models and servers, so nothing of theirs is written before `printable`.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

# All control characters but newline and tab; among them ESC and the C1 codes, which start escape sequences.
_CONTROLS = dict.fromkeys([*(set(range(0x20)) - {0x09, 0x0A}), *range(0x7F, 0xA0)])


def printable(text: str) -> str:
    """Take out whatever could move the cursor, change colours, or answer back to the terminal."""
    return text.translate(_CONTROLS)


def as_json(value: Any) -> str:
    return printable(json.dumps(value, indent=2, ensure_ascii=False))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Left-aligned columns, two spaces apart. Columns in which no row has anything are left out."""
    cells = [[" ".join(printable(cell).split()) for cell in row] for row in rows]
    kept = [index for index in range(len(header)) if not rows or any(row[index] not in ("", "-") for row in cells)]
    lines = [[row[index] for index in kept] for row in [list(header), *cells]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(kept))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def size(value: object) -> str:
    """Bytes for people, in decimal units as model libraries give them; "-" where nobody told."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "-"
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def cell(value: Any) -> str:
    """Any JSON value as a table shows it."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(cell(item) for item in value) or "-"
    return f"{value:g}" if isinstance(value, float) else str(value)


def details(values: Mapping[str, Any]) -> str:
    """One key a line; longer texts and nested values indented below their key."""
    lines = []
    for key, value in values.items():
        is_nested = isinstance(value, dict) or (
            isinstance(value, list) and any(isinstance(e, dict | list) for e in value)
        )
        text = as_json(value) if is_nested else printable(cell(value))
        lines.append(f"{printable(key)}: {text}" if "\n" not in text else f"{printable(key)}:\n{_indented(text)}")
    return "\n".join(lines)


def _indented(text: str) -> str:
    return "\n".join("  " + line for line in text.splitlines())


class AnswerView:
    """Shows an answer at once, piece by piece: text on stdout, reasoning dimmed on stderr if that is a terminal."""

    def __init__(self) -> None:
        self._shows_reasoning = sys.stderr.isatty()
        self._is_reasoning = False
        self._is_mid_line = False

    def text(self, text: str) -> None:
        shown = printable(text)
        if not shown:
            return
        self._end_reasoning()
        self._is_mid_line = not shown.endswith("\n")  # said first: Ctrl-C may come while it is written
        click.echo(shown, nl=False)

    def reasoning(self, text: str) -> None:
        shown = printable(text)
        if shown and self._shows_reasoning:
            self._is_reasoning = True
            click.secho(shown, nl=False, err=True, dim=True)

    def end(self) -> None:
        """Leave the cursor at the start of a line."""
        self._end_reasoning()
        if self._is_mid_line:
            click.echo()
            self._is_mid_line = False

    def _end_reasoning(self) -> None:
        if self._is_reasoning:
            click.echo("\n", err=True)
            self._is_reasoning = False


class ProgressView:
    """Shows on stderr how far something is: one line that changes on a terminal, else a line for each tenth."""

    BAR = 24

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._said: tuple[str, int] | None = None

    def show(self, status: str, detail: str, fraction: float | None, total: int | None) -> None:
        if self._is_terminal:
            text = self._bar(status, detail, fraction, total)[: shutil.get_terminal_size().columns - 1]
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)
        elif self._said != (said := (status, int((fraction or 0) * 10))):
            self._said = said
            click.echo(self._plain(status, detail, fraction, total), err=True)

    def end(self) -> None:
        """Take the line away."""
        if self._is_terminal:
            click.echo("\r\x1b[K", nl=False, err=True)

    def _bar(self, status: str, detail: str, fraction: float | None, total: int | None) -> str:
        if fraction is None:
            return self._plain(status, detail, fraction, total)
        filled = int(fraction * self.BAR)
        bar = "#" * filled + "." * (self.BAR - filled)
        return _one_line(f"{status} [{bar}] {int(fraction * 100)}% of {size(total)}")

    def _plain(self, status: str, detail: str, fraction: float | None, total: int | None) -> str:
        if fraction is None:
            return _one_line(f"{status}: {detail}" if detail else status)
        return _one_line(f"{status}, {int(fraction * 100)}% of {size(total)}")


def _one_line(text: str) -> str:
    return " ".join(printable(text).split())
