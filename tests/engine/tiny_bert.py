"""Writes a BERT of one small layer with random weights, which llama.cpp really runs: it embeds, or it ranks."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from backend.engine.gguf import RANK
from tests.engine.gguf_file import ALIGNMENT, entry, text

MEAN = 1
WIDTH, CONTEXT = 32, 64
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"▁{letter}" for letter in _LETTERS), *_LETTERS]
UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9


def tiny_bert(path: Path, pooling: int = MEAN, seed: int = 7) -> Path:
    """`pooling` is MEAN or RANK."""
    tensors = _tensors(np.random.default_rng(seed), pooling)
    entries = _entries(pooling)
    infos, data = b"", b""
    for name, values in tensors.items():
        shape = values.shape[::-1]
        infos += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, len(data))
        data += values.astype("<f4").tobytes()
        data += bytes(-len(data) % ALIGNMENT)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries)) + b"".join(entries) + infos
    path.write_bytes(head + bytes(-len(head) % ALIGNMENT) + data)
    return path


def _entries(pooling: int) -> list[bytes]:
    whole = {
        "context_length": CONTEXT,
        "embedding_length": WIDTH,
        "block_count": 1,
        "feed_forward_length": 2 * WIDTH,
        "attention.head_count": 2,
        "pooling_type": pooling,
    }
    special = {"bos": 2, "eos": 3, "seperator": 3, "unknown": 1, "padding": 0, "mask": 4}
    return [
        entry("general.architecture", "bert"),
        *(entry(f"bert.{name}", value) for name, value in whole.items()),
        text("bert.attention.layer_norm_epsilon") + struct.pack("<If", FLOAT32, 1e-12),
        text("bert.attention.causal") + struct.pack("<IB", BOOL, 0),
        entry("tokenizer.ggml.model", "bert"),
        text("tokenizer.ggml.tokens") + struct.pack("<IIQ", ARRAY, STRING, len(WORDS)) + b"".join(map(text, WORDS)),
        text("tokenizer.ggml.token_type")
        + struct.pack(f"<IIQ{len(WORDS)}i", ARRAY, INT32, len(WORDS), 3, 2, 3, 3, 3, *[1] * (len(WORDS) - 5)),
        entry("tokenizer.ggml.token_type_count", 2),
        *(entry(f"tokenizer.ggml.{name}_token_id", number) for name, number in special.items()),
    ]


def _tensors(random: np.random.Generator, pooling: int) -> dict[str, np.ndarray]:
    def weights(*shape: int) -> np.ndarray:
        return random.normal(0, 0.3, shape)

    tensors = {
        "token_embd.weight": weights(len(WORDS), WIDTH),
        "position_embd.weight": weights(CONTEXT, WIDTH),
        "token_types.weight": weights(2, WIDTH),
        "token_embd_norm.weight": np.ones(WIDTH),
        "token_embd_norm.bias": np.zeros(WIDTH),
        "blk.0.ffn_up.weight": weights(2 * WIDTH, WIDTH),
        "blk.0.ffn_up.bias": np.zeros(2 * WIDTH),
        "blk.0.ffn_down.weight": weights(WIDTH, 2 * WIDTH),
        "blk.0.ffn_down.bias": np.zeros(WIDTH),
    }
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        tensors |= {f"blk.0.{name}.weight": weights(WIDTH, WIDTH), f"blk.0.{name}.bias": np.zeros(WIDTH)}
    for name in ("attn_output_norm", "layer_output_norm"):
        tensors |= {f"blk.0.{name}.weight": np.ones(WIDTH), f"blk.0.{name}.bias": np.zeros(WIDTH)}
    if pooling == RANK:
        tensors |= {
            "cls.weight": weights(WIDTH, WIDTH),
            "cls.bias": np.zeros(WIDTH),
            "cls.output.weight": weights(1, WIDTH),
            "cls.output.bias": np.zeros(1),
        }
    return tensors
