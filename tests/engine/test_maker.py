"""What is known of a model's languages and of how its words should be picked."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.engine.folder import Folder, demo_model
from backend.engine.gguf import read_header
from backend.engine.maker import Maker, maker_of
from tests.engine.gguf_file import entry, gguf, tensor


def maker(tmp_path: Path, **values: str | int | float | list[str]) -> Maker:
    entries = [entry(key.replace("__", "."), value) for key, value in values.items()]
    return maker_of(read_header(gguf(tmp_path / "m.gguf", entries)))


def test_of_an_unknown_file_nothing_is_claimed(tmp_path: Path) -> None:
    assert maker(tmp_path, general__name="Somebody's") == Maker((), {})


def test_smollm2_is_known_by_its_card(tmp_path: Path) -> None:
    assert maker(tmp_path, general__basename="SmolLM2") == Maker(("en",), {"temperature": 0.2, "top_p": 0.9})


def test_the_file_itself_comes_first(tmp_path: Path) -> None:
    told = maker(
        tmp_path,
        general__basename="smollm2",
        general__languages=["EN", "fr"],
        general__sampling__temp=0.9,
        general__sampling__top_k=64,
        general__sampling__penalty_repeat=1.05,
        general__sampling__mirostat=2,
    )

    assert told == Maker(("en", "fr"), {"temperature": 0.9, "top_k": 64, "repeat_penalty": 1.05})
    assert isinstance(told.sampling["top_k"], int)


NONSENSE = {"temp": -1.0, "top_p": 7.5, "top_k": "many", "min_p": float("inf"), "penalty_repeat": 1e30}


@pytest.mark.parametrize("name", NONSENSE)
def test_what_is_out_of_bounds_is_left_out(tmp_path: Path, name: str) -> None:
    assert maker(tmp_path, **{f"general__sampling__{name}": NONSENSE[name]}).sampling == {}


def test_the_demo_speaks_both_languages_at_temperature_zero() -> None:
    assert demo_model().maker == Maker(("en", "fr"), {"temperature": 0.0})


@pytest.mark.parametrize(
    ("languages", "may"), [(["en"], False), (["en", "fr"], True), (["fr-CA"], True), (["fra"], True), ([], True)]
)
def test_who_does_not_say_may_speak_french(tmp_path: Path, languages: list[str], may: bool) -> None:
    gguf(tmp_path / "m.gguf", [entry("general.languages", languages)], [tensor("a", (8,), 0)])

    (file,) = Folder(tmp_path).files()

    assert file.may_speak_french is may
