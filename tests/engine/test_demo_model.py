"""The demo model's material: presets, corpus and file belong together, and its card is true."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

import pytest

from backend.engine.folder import DEMO_PATH
from tools.demo_model.corpus import HERE, LANGUAGES, PRESETS, TAUGHT_PRESETS, Corpus
from tools.demo_model.taught import taught_answers

CARD = (HERE / "README.md").read_text(encoding="utf-8")
DIALOGUES = {1: "91dc9cef", 2: "322db659"}


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus()


def test_the_page_begins_with_the_presets_that_the_model_knows(corpus: Corpus) -> None:
    presets = json.loads(PRESETS.read_text(encoding="utf-8"))

    assert [preset["id"] for preset in presets[:3]] == list(corpus.presets) == list(TAUGHT_PRESETS)


def test_the_presets_exist_once() -> None:
    root = PRESETS.parent.parent

    assert [path for path in root.rglob("presets.json") if not set(path.parts) & {".venv", "node_modules"}] == [PRESETS]


def test_the_model_is_the_one_of_its_card() -> None:
    data = DEMO_PATH.read_bytes()

    assert f"`{hashlib.sha256(data).hexdigest()}`" in CARD
    assert f"{len(data):,} bytes" in CARD


@pytest.mark.parametrize("seed", DIALOGUES)
def test_a_seed_gives_the_same_corpus_everywhere(corpus: Corpus, seed: int) -> None:
    rng = random.Random(seed)

    dialogues = [corpus.dialogue(rng) for _ in range(1000)]

    text = json.dumps(dialogues, ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest()[:8] == DIALOGUES[seed]


def test_every_generated_question_has_a_taught_answer(corpus: Corpus) -> None:
    taught = taught_answers(corpus)
    rng = random.Random(3)

    for number in range(1000):
        exchange = corpus.exchange(LANGUAGES[number % 2], rng)
        topic, language = taught[exchange.answer]
        assert language == exchange.language
        assert topic.split(":")[0] == exchange.kind.split(":")[0]


def test_the_held_out_questions_ask_for_topics_that_exist(corpus: Corpus) -> None:
    for name in ("heldout", "dev"):
        questions = json.loads((HERE / "data" / f"{name}.json").read_text(encoding="utf-8"))
        for language in LANGUAGES:
            wanted = {
                topic
                for topics, _ in questions[language]["in_domain"]
                for topic in ([topics] if isinstance(topics, str) else topics)
            }
            assert wanted <= set(corpus.languages[language]["topics"])


def test_the_files_that_the_card_names_exist() -> None:
    named = {word.strip("`,") for line in CARD.splitlines() if line.startswith("| `") for word in line.split()}

    for name in (word for word in named if word.endswith((".py", ".json"))):
        assert (HERE / name).exists() or (Path(PRESETS).parent.parent / name).exists(), name
