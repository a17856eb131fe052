"""Makes the bilingual dialogues that passerelle-demo is trained on.

All text lives in JSON files: `data/*.json`, and the page's own `frontend/presets.json`. Here the small
pattern language used there is expanded, and the noise of human writers is added:

* `(a|b|)` picks one alternative, here perhaps the empty one; alternatives may nest;
* `<name>` is replaced by an entry of the list `name` (`<num>` and `<word>` are made up on the fly);
* `[,]` is a literal comma.

The order in which random numbers are drawn is part of the result: a seed must keep giving the same corpus.
Look at a few dialogues with `python -m tools.demo_model.corpus --count 20`.
"""

from __future__ import annotations

import argparse
import random
import re
from dataclasses import dataclass
from pathlib import Path

from tools.demo_model.noise import Noise, load_json

HERE = Path(__file__).resolve().parent
PRESETS = HERE.parent.parent / "frontend" / "presets.json"
TAUGHT_PRESETS = ("dreams", "architect", "translator")
LANGUAGES = ("en", "fr")
GROUP = re.compile(r"\(([^()]*)\)")
SLOT = re.compile(r"<(\w+)>")


@dataclass(frozen=True)
class Exchange:
    """One question with its answer; `kind` names the topic, for statistics and tests."""

    kind: str
    language: str
    question: str
    answer: str
    system: str | None = None


def expand(pattern: str, rng: random.Random) -> str:
    """Replace every `(a|b)` group of a pattern by one of its alternatives."""
    while match := GROUP.search(pattern):
        pattern = pattern[: match.start()] + rng.choice(match[1].split("|")) + pattern[match.end() :]
    return pattern.replace("[,]", ",")


def variety(pattern: str) -> float:
    """Weight of a pattern: the square root of its number of expansions, at most 12."""
    return min(12.0, max(1.0, pattern.count("|")) ** 0.5 * (1 + pattern.count(")")) ** 0.5)


def pick(patterns: list[str], rng: random.Random) -> str:
    """Choose a pattern, richer ones more often, and expand it."""
    return expand(rng.choices(patterns, [variety(p) for p in patterns])[0], rng)


class Corpus:
    """Draws from all topics, the presets that the model learns, and questions about anything else."""

    def __init__(self) -> None:
        data = HERE / "data"
        self.noise = Noise(data / "noise.json")
        self.languages = {code: load_json(data / f"{code}.json") for code in LANGUAGES}
        self.out_of_domain = load_json(data / "out_of_domain.json")
        self.preset_answers = load_json(data / "preset_answers.json")
        self.presets = {preset["id"]: preset for preset in load_json(PRESETS) if preset["id"] in TAUGHT_PRESETS}

    def fill(self, pattern: str, language: str, rng: random.Random) -> str:
        """Replace the `<name>` slots of an out-of-domain pattern."""
        lists = self.out_of_domain[language]["lists"]

        def value(match: re.Match[str]) -> str:
            if match[1] == "num":
                return str(rng.choice((rng.randint(0, 20), rng.randint(0, 1000))))
            return self.noise.pseudo_word(language, rng) if match[1] == "word" else rng.choice(lists[match[1]])

        return SLOT.sub(value, pattern)

    def frame(self, form: str, inner: str, language: str, rng: random.Random) -> str:
        """Put a noun phrase (`what`) or a verb phrase (`how`) into a sentence frame."""
        frames = self.languages[language]["frames"]
        if form == "what" and rng.random() < 0.35:
            form = "mention"
        return self.fill(pick(frames[form], rng).replace("{x}", inner), language, rng)

    def word_bag(self, inner: str | None, language: str, rng: random.Random) -> str:
        """Everyday words in random order around a keyword, so that the keyword alone decides."""
        words = rng.choices(self.languages[language]["fillers"], k=rng.randint(1, 7))
        if inner is not None:
            words.insert(rng.randint(0, len(words)), inner)
        return self.fill(" ".join(words), language, rng)

    def topic_exchange(self, topic: str, language: str, rng: random.Random) -> Exchange:
        """A question about one topic of Passerelle, in one of its many phrasings."""
        entry = self.languages[language]["topics"][topic]
        form = rng.choice([form for form in ("what", "how", "free", "free") if form in entry])
        if rng.random() < 0.15:
            question = self.word_bag(rng.choice(entry["keywords"]), language, rng)
        elif form == "free":
            question = self.fill(pick(entry["free"], rng), language, rng)
        else:
            question = self.frame(form, pick(entry[form], rng), language, rng)
        return Exchange(topic, language, self.noise.add(question, language, rng), rng.choice(entry["answers"]))

    def fallback_exchange(self, language: str, rng: random.Random) -> Exchange:
        """A question about anything else; the answer points to a real model."""
        data = self.out_of_domain[language]
        slot = rng.choice(("<thing>", "<thing>", "<noun>", "<place>", "<person>", "<word>"))
        kind = rng.random()
        if kind < 0.25:  # the very same frames as in the topics, about something else
            form = rng.choice(("what", "how"))
            question = self.frame(form, "<verb>" if form == "how" else slot, language, rng)
        elif kind < 0.37:
            question = self.word_bag(rng.choice((slot, "<verb>", None)), language, rng)
        else:
            question = self.fill(pick(data["patterns"], rng), language, rng)
        return Exchange("fallback", language, self.noise.add(question, language, rng), rng.choice(data["fallbacks"]))

    def preset_exchange(self, language: str, rng: random.Random) -> Exchange:
        """One of the preset prompts of the chat page, exact or rephrased."""
        name = rng.choice(("dreams", "architect", "translator", "translator"))
        preset = self.presets[name]
        system = preset["system"][language] if rng.random() < 0.7 else None
        if name == "translator":
            kind, question, answer = self._translation(language, rng)
        else:
            group = self.preset_answers[name][language]
            kind = rng.choices(list(group), [3] + [2] * (len(group) - 1))[0]
            question, answer = pick(group[kind]["users"], rng), group[kind]["answer"]
        is_exact = rng.random() < 0.3 and kind in ("forest", "docker", "known")
        if is_exact and name == "translator":
            pair = self.preset_answers["translator"]["pairs"][0]
            answer = self._translation_answer(pair, language)
        question = preset["user"][language] if is_exact else self.noise.add(question, language, rng)
        return Exchange(f"{name}:{kind}", language, question, answer, system)

    def _translation(self, language: str, rng: random.Random) -> tuple[str, str, str]:
        """Kind, question and answer of a translation; unknown sentences get an honest refusal."""
        data = self.preset_answers["translator"]
        template = data["templates"][language]
        pair = rng.choice(data["pairs"])
        if rng.random() < 0.2:
            other = "fr" if language == "en" else "en"
            sentence = self.fill(rng.choice(self.out_of_domain[other]["patterns"]), other, rng)
            question = pick(template["users"], rng).replace(f"<{other}>", expand(sentence, rng))
            return "unknown", self.fill(question, other, rng), template["unknown"]
        question = SLOT.sub(lambda match: pair[match[1]], pick(template["users"], rng))
        return "known", question, self._translation_answer(pair, language)

    def _translation_answer(self, pair: dict[str, str], language: str) -> str:
        template = self.preset_answers["translator"]["templates"][language]
        return SLOT.sub(lambda match: pair[match[1]], template["answer"])

    def exchange(self, language: str, rng: random.Random) -> Exchange:
        """Any exchange, in the proportions used for training."""
        kind = rng.random()
        if kind < 0.10:
            return self.preset_exchange(language, rng)
        if kind < 0.38:
            return self.fallback_exchange(language, rng)
        return self.topic_exchange(rng.choice(list(self.languages[language]["topics"])), language, rng)

    def dialogue(self, rng: random.Random) -> list[tuple[str, str]]:
        """A dialogue of one to five turns as (role, text) pairs, sometimes with a system message."""
        language = rng.choice(LANGUAGES)
        turns = rng.choices((1, 2, 3, 5), (94, 3, 2, 1))[0]
        exchanges = [self.exchange(language, rng)]
        for _ in range(turns - 1):
            language = language if rng.random() < 0.9 else rng.choice(LANGUAGES)
            exchanges.append(self.exchange(language, rng))
        system = exchanges[0].system or self._stray_system_prompt(language, rng)
        messages = [("system", system)] if system else []
        for exchange in exchanges:
            messages += [("user", exchange.question), ("assistant", exchange.answer)]
        return messages

    def _stray_system_prompt(self, language: str, rng: random.Random) -> str | None:
        """Now and then one that has nothing to do with the question, so that the model learns to pass over it."""
        if rng.random() >= 0.12:
            return None
        prompts = self.preset_answers["system_prompts"][language]
        return rng.choice(prompts + [preset["system"][language] for preset in self.presets.values()])


def main() -> None:
    parser = argparse.ArgumentParser(description="Print a few dialogues.")
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    corpus, rng = Corpus(), random.Random(args.seed)
    for _ in range(args.count):
        for role, text in corpus.dialogue(rng):
            print(f"{role}: {text}")
        print()


if __name__ == "__main__":
    main()
