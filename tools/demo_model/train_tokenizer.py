"""Trains the byte-level BPE tokenizer of passerelle-demo on generated dialogues.

Not needed for a training of the model: tokenizer.json is here.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from tools.demo_model.corpus import HERE, Corpus

SPECIAL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def train_tokenizer(vocabulary: int, dialogues: int, seed: int) -> Tokenizer:
    """Return a tokenizer whose splitting matches llama.cpp's pre-tokenizer "smollm"."""
    corpus, rng = Corpus(), random.Random(seed)
    texts = [f"{role}\n{text}" for _ in range(dialogues) for role, text in corpus.dialogue(rng)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocabulary,
            special_tokens=SPECIAL_TOKENS,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return tokenizer


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the tokenizer and show how it splits a sentence.")
    parser.add_argument("--vocabulary", type=int, default=2048)
    parser.add_argument("--dialogues", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=HERE / "tokenizer.json")
    args = parser.parse_args()
    tokenizer = train_tokenizer(args.vocabulary, args.dialogues, args.seed)
    tokenizer.save(str(args.output))
    sample = "Streaming means that... Désolé, où est la fenêtre ?"
    print(tokenizer.get_vocab_size(), "tokens;", tokenizer.encode(sample).tokens)


if __name__ == "__main__":
    main()
