"""Typed readers for the fields of a request's JSON. Every fault is a BadRequest that names the field."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping

import orjson

from backend.dialects.chat import JSON
from backend.errors import BadRequest

INT32_MAX = 2**31 - 1
MODEL_LENGTH = 512
_SHOWN_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_SHOWN_NAMES = 20


class Fields:
    """One JSON object, read field by field. null is absence: clients send it for "not set".

    Booleans are never numbers; whole numbers may come as 3.0, since JavaScript and Go clients write them so.
    """

    __slots__ = ("_path", "names", "values")

    def __init__(self, values: Mapping[str, JSON], path: str = "") -> None:
        self.values = values
        self.names = values.keys()
        self._path = path

    def param(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def fault(self, name: str, sentence: str) -> BadRequest:
        """`sentence` follows the field's name: "must be …"."""
        return _fault(self.param(name), sentence)

    def value(self, name: str) -> JSON:
        return self.values.get(name)

    def has(self, name: str) -> bool:
        return self.values.get(name) is not None

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        return None if value is None else _text(value, self.param(name))

    def label(self, name: str, longest: int) -> str | None:
        """A short string of printable characters: a name, an id."""
        value = self.text(name)
        if value is not None and (len(value) > longest or not value.isprintable()):
            raise self.fault(name, f"must be at most {longest} printable characters.")
        return value

    def flag(self, name: str) -> bool | None:
        value = self.values.get(name)
        if value is None or isinstance(value, bool):
            return value
        raise self.fault(name, "must be true or false.")

    def number(self, name: str, low: float, high: float) -> float | None:
        value = self.values.get(name)
        if value is None:
            return None
        # The comparison also refuses NaN, and comes first because float() of a huge int raises.
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self.fault(name, f"must be a number from {low:g} to {high:g}.")
        return float(value)

    def whole(self, name: str, low: int, high: int) -> int | None:
        value = self.values.get(name)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.fault(name, f"must be a whole number from {low} to {high}.")
        return value

    def choice(self, name: str, words: Collection[str]) -> str | None:
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or value not in words:
            raise self.fault(name, f"must be one of {', '.join(words)}.")
        return value

    def items(self, name: str) -> list[JSON] | None:
        value = self.values.get(name)
        if value is None or isinstance(value, list):
            return value
        raise self.fault(name, "must be a list.")

    def object(self, name: str) -> Fields | None:
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.fault(name, "must be an object.")
        return Fields(value, self.param(name))

    def objects(self, name: str) -> list[Fields]:
        """A list whose every item is an object; absent: an empty one."""
        param = self.param(name)
        found = []
        for index, item in enumerate(self.items(name) or ()):
            if not isinstance(item, dict):
                raise _fault(f"{param}[{index}]", "must be an object.")
            found.append(Fields(item, f"{param}[{index}]"))
        return found

    def texts(self, name: str) -> tuple[str, ...]:
        """A list whose every item is a string; absent: an empty one."""
        param = self.param(name)
        return tuple(_text(item, f"{param}[{index}]") for index, item in enumerate(self.items(name) or ()))

    def require(self, name: str) -> Fields:
        """An object that must be there."""
        found = self.object(name)
        if found is None:
            raise self.fault(name, "must be an object.")
        return found

    def json_object(self, name: str) -> Mapping[str, JSON] | None:
        """An object that goes on as it is (a JSON schema): checked to be JSON that can be written again."""
        found = self.object(name)
        if found is None:
            return None
        if not is_writable(found.values):
            raise self.fault(name, "holds a number or a text that JSON cannot carry, or is nested too deeply.")
        return found.values

    def model(self) -> str:
        """The model's name; "" means the default model."""
        name = self.text("model") or ""
        if name and not is_name(name):
            raise self.fault("model", f"must be at most {MODEL_LENGTH} printable characters.")
        return name

    def dropped(self, known: Collection[str], silent: Collection[str] = ()) -> tuple[str, ...]:
        """Names of the fields that nobody here knows: at most 20, only those fit for a header.

        A known name in another case is refused: a backend that ignores case would obey a field
        which the gateway did not see.
        """
        folded = {name.casefold(): name for name in known}
        unknown = [name for name in self.names if name not in known and name not in silent]
        for name in unknown:
            if meant := folded.get(name.casefold()):
                raise BadRequest(f"Field names are case-sensitive: write `{self.param(meant)}`.", self.param(meant))
        return tuple(_shown(unknown))


def _fault(param: str, sentence: str) -> BadRequest:
    return BadRequest(f"`{param}` {sentence}", param)


def _text(value: JSON, param: str) -> str:
    if not isinstance(value, str):
        raise _fault(param, "must be a string.")
    if not is_unicode(value):
        raise _fault(param, "holds half a surrogate pair, which is no text.")
    return value


def _shown(names: Iterable[str]) -> list[str]:
    return [name for name in names if _SHOWN_NAME.fullmatch(name)][:_SHOWN_NAMES]


def is_name(text: str) -> bool:
    """Whether a model can be called that: printable, but for blanks, which may be of any kind."""
    is_shown = text.isprintable() or all(
        letter.isprintable() or unicodedata.category(letter) == "Zs" for letter in text
    )
    return is_shown and 0 < len(text) <= MODEL_LENGTH and not text.isspace()


def shown_names(listed: str | None) -> tuple[str, ...]:
    """Those of the names in a header that are fit for another one, at most 20."""
    return tuple(_shown(name.strip() for name in (listed or "").split(",")))


def is_unicode(text: str) -> bool:
    """Whether the text can be written as UTF-8, which half a surrogate pair cannot."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_writable(value: JSON) -> bool:
    """Whether orjson can write it: integers of 64 bits, whole surrogate pairs, 254 levels."""
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return False
    return True
