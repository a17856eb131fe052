"""What the header reader says of good, odd and hostile GGUF files."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from backend.engine.folder import DEMO_PATH
from backend.engine.gguf import read_beginning, read_header
from backend.engine.gguf_cursor import NotGGUF
from tests.engine.gguf_file import entry, gguf, tensor, text


def test_the_demo_model_tells_what_its_card_says() -> None:
    header = read_header(DEMO_PATH)

    assert header.architecture == "llama"
    assert header.text("general.license") == "MIT"
    assert header.parameter_count == 2_607_168
    assert (header.parameters, header.quantization, header.trained_context) == ("2.6M", "Q8_0", 1024)
    assert "<|im_start|>" in (header.text("tokenizer.chat_template") or "")
    assert not header.makes_embeddings


def test_values_after_long_lists_are_found(tmp_path: Path) -> None:
    words = struct.pack("<IQ", 8, 100_000) + b"".join(text(f"word {number}") for number in range(100_000))
    numbers = struct.pack("<IQ", 6, 100_000) + bytes(4 * 100_000)
    entries = [
        entry("general.architecture", "qwen3"),
        text("tokenizer.ggml.tokens") + struct.pack("<I", 9) + words,
        text("tokenizer.ggml.scores") + struct.pack("<I", 9) + numbers,
        entry("qwen3.context_length", 40_960),
        entry("qwen3.pooling_type", 3),
    ]

    header = read_header(gguf(tmp_path / "m.gguf", entries, [tensor("a", (1000, 600_000), 15)]))

    assert (header.trained_context, header.makes_embeddings) == (40_960, True)
    assert (header.parameters, header.quantization) == ("600M", "type 15")


@pytest.mark.parametrize(
    ("kind", "name"), [(0, "F32"), (2, "Q4_0"), (15, "Q4_K_M"), (32, "BF16"), (7777, "Q8_0"), (None, "Q8_0")]
)
def test_the_quantization_is_named_or_read_off_the_tensors(tmp_path: Path, kind: int | None, name: str) -> None:
    entries = [] if kind is None else [entry("general.file_type", kind)]

    header = read_header(gguf(tmp_path / "m.gguf", entries, [tensor("a", (8,), 0), tensor("b", (8, 8), 8)]))

    assert header.quantization == name


def test_a_short_list_of_words_about_the_model_is_kept(tmp_path: Path) -> None:
    languages = ("en", "fr")
    entries = [
        entry("general.languages", languages),
        entry("tokenizer.words", languages),
        entry("general.tags", 65 * ["x"]),
    ]

    header = read_header(gguf(tmp_path / "m.gguf", entries))

    assert header.values == {"general.languages": languages}
    assert header.words("general.languages") == languages
    assert header.words("general.name") == ()


def test_the_header_tells_how_large_the_whole_file_is() -> None:
    assert read_header(DEMO_PATH).file_bytes == DEMO_PATH.stat().st_size


def test_a_file_of_unknown_weights_is_never_called_too_short(tmp_path: Path) -> None:
    path = gguf(tmp_path / "m.gguf", [], [tensor("a", (1000,), 7777)])

    assert read_header(path).file_bytes <= path.stat().st_size


def test_the_beginning_of_a_file_tells_its_name_and_terms() -> None:
    values = read_beginning(DEMO_PATH.read_bytes()[:4096])

    assert (values["general.license"], values["general.architecture"]) == ("MIT", "llama")
    with pytest.raises(NotGGUF, match="is not a GGUF file"):
        read_beginning(b"<!doctype html>")
    with pytest.raises(NotGGUF, match="ends in the middle"):
        read_beginning(b"GGU")


def test_numbers_that_are_none_are_left_out(tmp_path: Path) -> None:
    header = read_header(gguf(tmp_path / "m.gguf", [text("x") + struct.pack("<If", 6, float("nan"))]))

    assert header.values == {}


def test_a_text_of_more_than_a_mebibyte_is_left_out(tmp_path: Path) -> None:
    header = read_header(gguf(tmp_path / "m.gguf", [entry("long", "x" * 3_000_000), entry("after", "here")]))

    assert header.values == {"after": "here"}


def test_every_truncation_of_a_header_is_said_to_be_one(tmp_path: Path) -> None:
    path = gguf(tmp_path / "m.gguf", [entry("general.architecture", "llama"), entry("n", 5)], [tensor("t", (4, 4), 0)])
    whole = path.read_bytes()
    cut = tmp_path / "cut.gguf"

    for size in range(4, len(whole)):
        cut.write_bytes(whole[:size])
        with pytest.raises(NotGGUF, match="unfinished download"):
            read_header(cut)


HOSTILE = {
    "is not a GGUF file": b"<html>not found</html>",
    "of version 1": b"GGUF" + struct.pack("<IQQ", 1, 0, 0),
    "of version 50331648": b"GGUF" + struct.pack(">IQQ", 3, 0, 0),
    "entries": b"GGUF" + struct.pack("<IQQ", 3, 0, 2**63),
    "tensors": b"GGUF" + struct.pack("<IQQ", 3, 2**63, 0),
    "unknown type 99": b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<I", 99),
    "list of unknown type 9": b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IIQ", 9, 9, 1),
    "elements": b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IIQ", 9, 8, 2**62),
    "too large to be true": b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IQ", 8, 2**62),
    "dimensions": b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + text("t") + struct.pack("<I", 2**31),
}


@pytest.mark.parametrize("words", HOSTILE)
def test_a_hostile_header_is_refused_with_a_reason(tmp_path: Path, words: str) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(HOSTILE[words])

    with pytest.raises(NotGGUF, match=words):
        read_header(path)


def test_an_endless_header_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    with path.open("wb") as file:  # sparse: lists of two million zeros, one after the other
        file.write(b"GGUF" + struct.pack("<IQQ", 3, 0, 60))
        for _ in range(60):
            file.write(text("k") + struct.pack("<IIQ", 9, 0, 2_000_000))
            file.seek(2_000_000, 1)
        file.truncate()

    with pytest.raises(NotGGUF, match="too large to be true"):
        read_header(path)
