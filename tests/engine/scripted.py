"""Models of a megabyte that make a real engine say any text, word for word, at any temperature.

A Llama decoder whose attention and feed-forward weights are zero, whose embeddings are one-hot, and whose output matrix
is a table: token → next token. The last byte of the prompt chooses what is said.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.engine.gguf_file import ALIGNMENT, entry, text

WIDTH = 512
FEED_FORWARD = 64
HEADS = 8
LOUD = 30.0
CONTROLS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
BEGIN, END = 256, 258
LINE = "\n"
PLAIN = (
    "{% for message in messages %}[{{ message.role }}] {{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant]\n{% endif %}"
)
"""Knows neither thinking nor tools."""
ABLE = (
    "{% if tools %}<|im_start|>system\n# Tools\n<tools>{% for tool in tools %}\n{{ tool | tojson }}{% endfor %}\n"
    '</tools>\nA call is written so:\n<tool_call>\n{"name": <name>, "arguments": <object>}\n</tool_call><|im_end|>\n'
    "{% endif %}{% for message in messages %}{% if message.role == 'tool' %}<|im_start|>user\n<tool_response>\n"
    "{{ message.content }}\n</tool_response><|im_end|>\n{% else %}<|im_start|>{{ message.role }}\n"
    "{% if message.reasoning_content %}<think>\n{{ message.reasoning_content }}\n</think>\n\n{% endif %}"
    "{{ message.content or '' }}{% for call in message.tool_calls or [] %}\n<tool_call>\n"
    '{"name": "{{ call.function.name }}", "arguments": {% if call.function.arguments is string %}'
    "{{ call.function.arguments }}{% else %}{{ call.function.arguments | tojson }}{% endif %}}\n</tool_call>"
    "{% endfor %}<|im_end|>\n{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""Thinks between tags and calls tools in the usual way."""


def scripted(
    path: Path, scripts: Mapping[str, Sequence[str | bytes]], template: str = PLAIN, is_endless: bool = False
) -> Path:
    """`scripts`: last character of the prompt → pieces, a token each and each of them once. `is_endless`: the pieces go
    round for ever."""
    tokens = [_written(bytes((byte,))) for byte in range(256)] + [*CONTROLS, _written(b"  ")]
    following = {}
    for start, pieces in scripts.items():
        current = first = ord(start)
        for piece in pieces:
            token = _token(piece if isinstance(piece, bytes) else piece.encode(), tokens)
            following[current] = current = token
            first = token if first == ord(start) else first
        following[current] = first if is_endless else END
    assert len(tokens) <= WIDTH
    _write(path, tokens, following, template)
    return path


def _token(piece: bytes, tokens: list[str]) -> int:
    """A byte has its token already; all else gets one."""
    if len(piece) == 1:
        return piece[0]
    assert _written(piece) not in tokens, f"{piece!r} is there twice"
    tokens.append(_written(piece))
    return len(tokens) - 1


def _written(piece: bytes) -> str:
    """Bytes as GPT-2's vocabulary writes them: printable ones as they are, the others from U+0100 on."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = {byte: 256 + place for place, byte in enumerate(byte for byte in range(256) if byte not in plain)}
    return "".join(chr(others.get(byte, byte)) for byte in piece)


def _write(path: Path, tokens: list[str], following: Mapping[int, int], template: str) -> None:
    entries = [
        entry("general.architecture", "llama"),
        entry("general.name", path.stem),
        entry("general.license", "MIT"),
        entry("general.file_type", 1),
        *(entry(f"llama.{name}", value) for name, value in _SHAPE.items()),
        entry("llama.vocab_size", len(tokens)),
        text("llama.attention.layer_norm_rms_epsilon") + struct.pack("<If", 6, 1e-6),
        entry("tokenizer.ggml.model", "gpt2"),
        entry("tokenizer.ggml.pre", "smollm"),
        _texts("tokenizer.ggml.tokens", tokens),
        _numbers("tokenizer.ggml.token_type", [3 if token in CONTROLS else 1 for token in tokens]),
        _texts("tokenizer.ggml.merges", [f"{_written(b' ')} {_written(b' ')}"]),
        entry("tokenizer.ggml.bos_token_id", BEGIN),
        entry("tokenizer.ggml.eos_token_id", END),
        text("tokenizer.ggml.add_bos_token") + struct.pack("<I?", 7, False),
        entry("tokenizer.chat_template", template),
    ]
    tensors = _tensors(len(tokens), following)
    infos, data = b"", b""
    for name, shape, kind, weights in tensors:
        infos += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, len(data))
        data += weights + bytes(-len(weights) % ALIGNMENT)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries)) + b"".join(entries) + infos
    path.write_bytes(head + bytes(-len(head) % ALIGNMENT) + data)


_SHAPE = {
    "context_length": 2048,
    "embedding_length": WIDTH,
    "block_count": 1,
    "feed_forward_length": FEED_FORWARD,
    "attention.head_count": HEADS,
    "attention.head_count_kv": HEADS,
    "rope.dimension_count": WIDTH // HEADS,
}
FLOAT, HALF = 0, 1


def _tensors(size: int, following: Mapping[int, int]) -> list[tuple[str, tuple[int, ...], int, bytes]]:
    embedding, output = bytearray(2 * size * WIDTH), bytearray(2 * size * WIDTH)
    for token in range(size):
        struct.pack_into("<e", embedding, 2 * (token * WIDTH + token), 1.0)
        next_token = following.get(token, END)
        struct.pack_into("<e", output, 2 * (next_token * WIDTH + token), LOUD / WIDTH**0.5)
    ones = struct.pack(f"<{WIDTH}f", *[1.0] * WIDTH)
    square, wide = bytes(2 * WIDTH * WIDTH), bytes(2 * WIDTH * FEED_FORWARD)
    return [
        ("token_embd.weight", (WIDTH, size), HALF, bytes(embedding)),
        ("output.weight", (WIDTH, size), HALF, bytes(output)),
        ("output_norm.weight", (WIDTH,), FLOAT, ones),
        *((f"blk.0.attn_{part}.weight", (WIDTH, WIDTH), HALF, square) for part in ("q", "k", "v", "output")),
        ("blk.0.attn_norm.weight", (WIDTH,), FLOAT, ones),
        ("blk.0.ffn_norm.weight", (WIDTH,), FLOAT, ones),
        ("blk.0.ffn_gate.weight", (WIDTH, FEED_FORWARD), HALF, wide),
        ("blk.0.ffn_up.weight", (WIDTH, FEED_FORWARD), HALF, wide),
        ("blk.0.ffn_down.weight", (FEED_FORWARD, WIDTH), HALF, wide),
    ]


def _texts(key: str, values: Sequence[str]) -> bytes:
    return text(key) + struct.pack("<IIQ", 9, 8, len(values)) + b"".join(text(value) for value in values)


def _numbers(key: str, values: Sequence[int]) -> bytes:
    return text(key) + struct.pack(f"<IIQ{len(values)}i", 9, 5, len(values), *values)
