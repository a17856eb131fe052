"""Turns dialogues into batches of token ids.

Two tricks make a short training count:

* many examples are cut after the first answer tokens, because those tokens decide which topic the answer
  is about, and that decision is the hard part;
* the user's text is sometimes split by BPE dropout, so that typos and rare spellings look familiar.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from tools.demo_model.corpus import Corpus

POOL = 2000
"""Dialogues that are drawn and sorted by length together."""
Encoded = tuple[list[int], list[bool]]


class Encoder:
    """Turn dialogues into token ids and a mask of the tokens that are learned."""

    def __init__(self, path: Path, context: int) -> None:
        self.tokenizer = Tokenizer.from_file(str(path))
        self.noisy = Tokenizer.from_file(str(path))
        self.noisy.model.dropout = 0.1
        self.context = context
        self.start, self.end = (self.tokenizer.token_to_id(token) for token in ("<|im_start|>", "<|im_end|>"))
        self.newline = self.tokenizer.encode("\n").ids

    def encode(self, messages: list[tuple[str, str]], rng: random.Random, cut: int | None = None) -> Encoded:
        """Encode a dialogue in the chat template; `cut` keeps only the first answer tokens."""
        ids: list[int] = []
        learned: list[bool] = []
        for role, text in messages:
            tokenizer = self.noisy if role == "user" and rng.random() < 0.3 else self.tokenizer
            head = [self.start, *self.tokenizer.encode(role + "\n").ids]
            body = [*tokenizer.encode(text).ids, self.end]
            is_answer = role == "assistant"
            if is_answer and cut is not None:
                body = body[:cut]
            ids += head + body + self.newline
            learned += [False] * len(head) + [is_answer] * len(body) + [False] * len(self.newline)
        return ids[: self.context], learned[: self.context]


def batches(
    corpus: Corpus, encoder: Encoder, tokens: int, cut_share: float, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches of dialogues of similar length, about `tokens` tokens each: ids, and which are learned."""
    rng = random.Random(seed)
    while True:
        pool = [_drawn(corpus, encoder, cut_share, rng) for _ in range(POOL)]
        pool.sort(key=lambda pair: len(pair[0]) + rng.random())
        groups = list(_grouped(pool, tokens))
        rng.shuffle(groups)
        for group in groups:
            length = max(len(ids) for ids, _ in group)
            yield (
                torch.tensor([ids + [0] * (length - len(ids)) for ids, _ in group]),
                torch.tensor([learned + [False] * (length - len(learned)) for _, learned in group]),
            )


def _drawn(corpus: Corpus, encoder: Encoder, cut_share: float, rng: random.Random) -> Encoded:
    messages = corpus.dialogue(rng)
    is_single = sum(role == "user" for role, _ in messages) == 1
    cut = rng.choice((4, 6, 10)) if is_single and rng.random() < cut_share else None
    return encoder.encode(messages, rng, cut)


def _grouped(pool: list[Encoded], tokens: int) -> Iterator[list[Encoded]]:
    """Neighbours of the sorted pool; what is left over at its end is dropped."""
    group: list[Encoded] = []
    for pair in pool:
        if group and (len(group) + 1) * len(pair[0]) > tokens:
            yield group
            group = []
        group.append(pair)
