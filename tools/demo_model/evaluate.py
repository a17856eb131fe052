"""Scores a passerelle-demo GGUF in llama.cpp (through xllamacpp), at temperature 0.

An answer counts only if it is, letter for letter, one of the texts that the model was taught for the
expected topic, in the language of the question. Run it with `python -m tools.demo_model.evaluate`.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter
from pathlib import Path

import xllamacpp

from backend.engine.folder import DEMO_PATH
from tools.demo_model.corpus import HERE, LANGUAGES, Corpus, Exchange
from tools.demo_model.noise import load_json
from tools.demo_model.taught import taught_answers

Messages = list[dict[str, str]]
GENERATED_SEED, LEAK_SEED = 4242, 7


class Engine:
    """llama.cpp with one model, inside this process; counts what it answers."""

    def __init__(self, model: Path, threads: int) -> None:
        params = xllamacpp.CommonParams()
        params.model.path = str(model)
        params.n_ctx, params.n_parallel, params.n_gpu_layers = 1024, 1, 0
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        params.fit_params, params.ui, params.verbosity = False, False, 0
        self.server = xllamacpp.Server(params)
        self.answers = self.stopped = self.damaged = self.tokens = 0
        self.milliseconds = 0.0

    def ask(self, messages: Messages, temperature: float = 0.0) -> str:
        """Return the answer, and count whether it stopped by itself and is clean text."""
        request = {"messages": messages, "temperature": temperature, "max_tokens": 320, "seed": 1}
        reply = self.server.handle_chat_completions(request)
        choice, timings = reply["choices"][0], reply["timings"]
        text: str = choice["message"]["content"]
        self.answers += 1
        self.stopped += choice["finish_reason"] == "stop"
        self.damaged += "\ufffd" in text or "<|" in text
        self.tokens += timings["predicted_n"]
        self.milliseconds += timings["predicted_ms"]
        return text


class Scorer:
    """Compares answers with the taught ones and collects the misses."""

    def __init__(self, engine: Engine, corpus: Corpus, temperature: float) -> None:
        self.engine, self.corpus, self.temperature = engine, corpus, temperature
        self.known = taught_answers(corpus)
        self.scores: dict[str, list[int]] = {}
        self.misses: list[str] = []

    def check(
        self, part: str, topics: str | list[str], language: str, messages: Messages, temperature: float = 0.0
    ) -> None:
        """Ask one question and note whether topic and language of the answer are right."""
        text = self.engine.ask(messages, temperature)
        topic, spoken = self.known.get(text, ("unknown text", "?"))
        is_right = topic in ([topics] if isinstance(topics, str) else topics) and spoken == language
        score = self.scores.setdefault(part, [0, 0])
        score[0] += is_right
        score[1] += 1
        if not is_right:
            got = f"{topic}/{spoken}" if topic != "unknown text" else repr(text[:100])
            self.misses.append(f"[{part}] {messages[-1]['content'][:90]!r}: wanted {topics}, got {got}")

    def score_heldout(self, path: Path) -> None:
        """Questions written by hand; the corpus does not hold them."""
        heldout = load_json(path)
        for language in LANGUAGES:
            for topics, question in heldout[language]["in_domain"]:
                self.check(f"held-out {language} in-domain", topics, language, user(question), self.temperature)
            for question in heldout[language]["out_of_domain"]:
                self.check(f"held-out {language} fallback", "fallback", language, user(question), self.temperature)

    def score_presets(self) -> None:
        """The page's presets, with their system messages."""
        expected = {"dreams": "dreams:forest", "architect": "architect:docker", "translator": "translator:0"}
        for preset in self.corpus.presets.values():
            for language in LANGUAGES:
                system = {"role": "system", "content": preset["system"][language]}
                messages = [system, *user(preset["user"][language])]
                self.check("presets", expected[preset["id"]], language, messages)

    def score_generated(self, count: int) -> None:
        """Fresh questions of the corpus: alone, after a system message, and late in a chat."""
        rng = random.Random(GENERATED_SEED)
        for number in range(count):
            language = LANGUAGES[number % 2]
            topic = rng.choice(list(self.corpus.languages[language]["topics"]))
            if number % 3 == 2:
                exchange = self.corpus.fallback_exchange(language, rng)
            else:
                exchange = self.corpus.topic_exchange(topic, language, rng)
            part, messages = self._placed(number % 4, exchange, language, rng)
            self.check(part, exchange.kind, language, messages)

    def _placed(self, place: int, exchange: Exchange, language: str, rng: random.Random) -> tuple[str, Messages]:
        messages = user(exchange.question)
        if place == 1:
            system = rng.choice(self.corpus.preset_answers["system_prompts"][language])
            return "generated, with system message", [{"role": "system", "content": system}, *messages]
        if place != 3:
            return "generated, alone", messages
        for _ in range(2):
            topic = rng.choice(list(self.corpus.languages[language]["topics"]))
            before = self.corpus.topic_exchange(topic, language, rng)
            messages[-1:-1] = [*user(before.question), {"role": "assistant", "content": before.answer}]
        return "generated, third turn", messages


def user(text: str) -> Messages:
    return [{"role": "user", "content": text}]


def normalise(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text.lower()).strip()


def found_leaks(corpus: Corpus, path: Path, samples: int) -> list[str]:
    """Held-out questions that the corpus also makes, looked for in `samples` exchanges."""
    heldout, rng = load_json(path), random.Random(LEAK_SEED)
    questions = {
        normalise(question)
        for language in LANGUAGES
        for question in [pair[1] for pair in heldout[language]["in_domain"]] + heldout[language]["out_of_domain"]
    }
    generated = {normalise(corpus.exchange(LANGUAGES[i % 2], rng).question) for i in range(samples)}
    return sorted(questions & generated)


def report(scorer: Scorer) -> None:
    """Print all scores, then the misses."""
    engine = scorer.engine
    for part, (right, total) in scorer.scores.items():
        print(f"{part}: {right} of {total}")
    print(
        f"stopped by themselves: {engine.stopped} of {engine.answers}; damaged text: {engine.damaged}; "
        f"{engine.tokens / engine.milliseconds * 1000:.0f} tokens/s"
    )
    print("misses by part:", dict(Counter(miss.split("]")[0][1:] for miss in scorer.misses)))
    for miss in scorer.misses:
        print("  " + miss)


def main() -> None:
    parser = argparse.ArgumentParser(description="Score a passerelle-demo GGUF.")
    parser.add_argument("--model", type=Path, default=DEMO_PATH)
    parser.add_argument("--heldout", type=Path, default=HERE / "data" / "heldout.json")
    parser.add_argument("--generated", type=int, default=400, help="questions from the corpus")
    parser.add_argument("--temperature", type=float, default=0.0, help="for the held-out questions only")
    parser.add_argument("--leaks", type=int, default=0, help="look for held-out questions among this many generated")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the scores to this file")
    args = parser.parse_args()
    corpus = Corpus()
    scorer = Scorer(Engine(args.model, args.threads), corpus, args.temperature)
    scorer.score_heldout(args.heldout)
    scorer.score_presets()
    scorer.score_generated(args.generated)
    report(scorer)
    if args.leaks:
        print("held-out questions found in the corpus:", found_leaks(corpus, args.heldout, args.leaks) or "none")
    if args.json:
        result = {"scores": scorer.scores, "answers": scorer.engine.answers, "misses": scorer.misses}
        args.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
