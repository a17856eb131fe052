"""Ollama's word about a pull, line by line, and how it adds up."""

from __future__ import annotations

import json

import pytest

from backend.dialects.ollama.upstream.pull import OllamaPull
from backend.dialects.own.progress import encode_done, encode_progress
from backend.dialects.progress import LONGEST_DETAIL, Progress
from backend.errors import BackendFailed, ModelNotFound
from tests.fake_dialects import pull_lines


def read(*lines: object) -> list[Progress]:
    reader = OllamaPull()
    return [reader.read(line if isinstance(line, bytes) else json.dumps(line).encode()) for line in lines]


def layer(digest: str, completed: int | None, total: int) -> dict[str, object]:
    told: dict[str, object] = {"status": f"pulling {digest}", "digest": digest, "total": total}
    return told if completed is None else {**told, "completed": completed}


def test_a_whole_pull_goes_through_its_phases_and_ends_with_success_alone() -> None:
    reader = OllamaPull()

    told = [(reader.read(line).phase, reader.is_done) for line in pull_lines(2000)]

    assert told == [
        ("starting", False),
        *[("downloading", False)] * 3,
        *[("verifying", False)] * 2,
        ("verifying", True),
    ]


def test_layers_are_summed_and_a_missing_count_is_nothing_yet() -> None:
    told = read(layer("a", None, 3000), layer("a", 3000, 3000), layer("b", None, 1000), layer("b", 500, 1000))

    assert [(line.completed, line.total) for line in told] == [(0, 3000), (3000, 3000), (3000, 4000), (3500, 4000)]


def test_the_fraction_waits_where_a_further_layer_shows_up() -> None:
    told = read(layer("a", 1500, 3000), layer("a", 3000, 3000), layer("b", 100, 1000), layer("b", 1000, 1000))

    assert [line.fraction for line in told] == [0.5, 1.0, 1.0, 1.0]


def test_a_part_that_is_fetched_again_does_not_take_anything_back() -> None:
    told = read(layer("a", 2000, 3000), layer("a", 500, 3000), layer("a", 2500, 3000))

    assert [line.completed for line in told] == [2000, 2000, 2500]


def test_more_than_all_is_all() -> None:
    assert read(layer("a", 5000, 3000))[0].completed == 3000


def test_nearly_all_is_not_all() -> None:
    fraction = read(layer("a", 2**40 - 1, 2**40))[0].fraction

    assert fraction is not None
    assert fraction < 1


def test_a_phase_never_goes_back() -> None:
    told = read(
        layer("a", 1, 2), {"status": "verifying sha256 digest"}, {"status": "pulling manifest"}, layer("a", 2, 2)
    )

    assert [line.phase for line in told] == ["downloading", "verifying", "verifying", "verifying"]


def test_a_layer_without_a_digest_goes_by_its_status() -> None:
    told = read({"status": "pulling model", "total": 10, "completed": 5}, {"status": "pulling model", "total": 10})

    assert [(line.completed, line.total) for line in told] == [(5, 10), (5, 10)]


def test_what_is_shown_of_a_status_is_short_and_printable() -> None:
    detail = read({"status": "pulling\x1b[2J\n" + "x" * 10_000})[0].detail

    assert detail.startswith("pulling[2J")
    assert detail.isprintable()
    assert len(detail) == LONGEST_DETAIL


def test_a_name_that_is_nowhere_is_a_model_not_found() -> None:
    with pytest.raises(ModelNotFound):
        read({"error": "pull model manifest: file does not exist"})


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"5", b"[]", b'"success"', b"{", b"\xff", b'{"status": null}', b'{"status": 5}'),
        *({"status": "x", "digest": 5}, layer("a", -1, 5), layer("a", 1, -5), layer("a", 1, 2**53)),
        *({"status": "x", "total": "5"}, {"status": "x", "total": 5.5}, {"status": "x", "total": True}),
    ],
)
def test_what_is_no_progress_is_said_to_be_none(line: object) -> None:
    with pytest.raises(BackendFailed, match="no progress of a pull"):
        read(line)


def test_a_line_for_the_client_has_every_field() -> None:
    line = encode_progress(Progress("downloading", "é", 1, 2, 0.5))

    assert line.endswith(b"\n")
    assert json.loads(line) == {"status": "downloading", "detail": "é", "completed": 1, "total": 2, "fraction": 0.5}
    assert json.loads(encode_done({"id": "a"})) == {"status": "done", "model": {"id": "a"}}
