"""Which files of a models folder can be served, and what the gateway says of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.engine.folder import DEMO_PATH, Folder, demo_model
from backend.engine.gguf import RANK
from tests.engine.gguf_file import entry, gguf, tensor
from tests.engine.tiny_bert import tiny_bert

LLAMA = entry("general.architecture", "llama")


def test_a_missing_folder_holds_no_models(tmp_path: Path) -> None:
    assert Folder(tmp_path / "none").files() == []


def test_models_are_listed_by_name_without_projectors_shards_and_other_files(tmp_path: Path) -> None:
    for name in ("b.gguf", "A.GGUF", "mmproj-b.gguf", "b-mmproj-F16.gguf", "c-00002-of-00003.gguf", "line\nbreak.gguf"):
        gguf(tmp_path / name, [LLAMA])
    (tmp_path / "notes.txt").write_text("no model")
    (tmp_path / "folder.gguf").mkdir()

    folder = Folder(tmp_path)

    assert [file.id for file in folder.files()] == ["A", "b"]
    assert folder.faults == {}


def test_a_model_in_shards_is_one_model_with_the_size_of_all(tmp_path: Path) -> None:
    first = gguf(tmp_path / "big-00001-of-00002.gguf", [LLAMA])
    second = gguf(tmp_path / "big-00002-of-00002.gguf", [LLAMA, entry("more", "x" * 100)])

    files = Folder(tmp_path).files()

    assert [file.id for file in files] == ["big-00001-of-00002"]
    assert files[0].size_bytes == first.stat().st_size + second.stat().st_size


def test_a_file_that_is_no_model_is_named_and_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "page.gguf").write_text("<html>")
    folder = Folder(tmp_path)

    assert folder.files() == folder.files() == []

    assert folder.faults == {"page.gguf": "page.gguf cannot be served: it is not a GGUF file."}
    assert [record.message for record in caplog.records] == list(folder.faults.values())


def test_a_file_that_is_replaced_is_read_again(tmp_path: Path) -> None:
    path = gguf(tmp_path / "m.gguf", [LLAMA])
    folder = Folder(tmp_path)
    assert folder.files()[0].header.parameter_count == 0

    gguf(path, [LLAMA], [tensor("t", (10, 10), 0)])

    assert folder.files()[0].header.parameter_count == 100


def test_the_context_is_bounded_by_what_the_model_was_trained_for(tmp_path: Path) -> None:
    gguf(tmp_path / "m.gguf", [LLAMA, entry("llama.context_length", 2048)])
    file = Folder(tmp_path).files()[0]

    assert file.load(context=8192, parallel=3).context == 2048
    assert file.load(context=1000, parallel=3).context == 1000


@pytest.mark.parametrize(
    ("template", "capabilities"),
    [
        ("{{ messages }}", ("completion",)),
        ("{% if tools %}{{ tools }}{% endif %}", ("completion", "tools")),
        ("{{ '<think>' }}", ("completion", "thinking")),
    ],
)
def test_capabilities_are_read_off_the_template(tmp_path: Path, template: str, capabilities: tuple[str, ...]) -> None:
    gguf(tmp_path / "m.gguf", [LLAMA, entry("tokenizer.chat_template", template)])

    assert Folder(tmp_path).files()[0].capabilities == capabilities


def test_a_model_with_pooling_makes_embeddings(tmp_path: Path) -> None:
    gguf(tmp_path / "m.gguf", [entry("general.architecture", "bert"), entry("bert.pooling_type", 1)])

    file = Folder(tmp_path).files()[0]

    assert file.capabilities == ("embedding",)
    assert file.load(512, 1).is_embedder


def test_the_demo_model_is_called_a_demo() -> None:
    demo = demo_model()

    assert (demo.id, demo.name, demo.is_demo, demo.path) == ("passerelle-demo", "Passerelle demo", True, DEMO_PATH)
    assert demo.described()["license"] == "MIT"
    assert demo.load(4096, 2).context == 1024


def test_a_model_that_ranks_makes_no_embeddings(tmp_path: Path) -> None:
    file = Folder(tiny_bert(tmp_path / "m.gguf", RANK).parent).files()[0]

    assert (file.capabilities, file.speaks) == (("rerank",), False)
    assert (file.load(512, 1).is_embedder, file.load(512, 1).ranks) == (False, True)


def test_a_fingerprint_tells_files_of_one_name_apart(tmp_path: Path) -> None:
    def fingerprint(folder: str, seed: int) -> str:
        (tmp_path / folder).mkdir()
        tiny_bert(tmp_path / folder / "m.gguf", seed=seed)
        return Folder(tmp_path / folder).files()[0].fingerprint

    first, same, other = fingerprint("one", 7), fingerprint("two", 7), fingerprint("three", 8)

    assert first == same != other
    assert first.startswith("sampled:")
