"""Which answers the model was taught, and what each of them is an answer to."""

from __future__ import annotations

from tools.demo_model.corpus import LANGUAGES, SLOT, Corpus

Taught = dict[str, tuple[str, str]]
"""Answer to (topic, language)."""


def taught_answers(corpus: Corpus) -> Taught:
    known: Taught = {}
    for language in LANGUAGES:
        for topic, entry in corpus.languages[language]["topics"].items():
            known |= dict.fromkeys(entry["answers"], (topic, language))
        known |= dict.fromkeys(corpus.out_of_domain[language]["fallbacks"], ("fallback", language))
        known |= taught_preset_answers(corpus, language)
    return known


def taught_preset_answers(corpus: Corpus, language: str) -> Taught:
    known: Taught = {}
    for name in ("dreams", "architect"):
        for kind, group in corpus.preset_answers[name][language].items():
            known[group["answer"]] = (f"{name}:{kind}", language)
    translator = corpus.preset_answers["translator"]
    template = translator["templates"][language]
    known[template["unknown"]] = ("translator:unknown", language)
    for number, pair in enumerate(translator["pairs"]):
        answer = SLOT.sub(lambda match, pair=pair: pair[match[1]], template["answer"])
        known[answer] = (f"translator:{number}", language)
    return known
