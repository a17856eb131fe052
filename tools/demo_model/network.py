"""The network of passerelle-demo: a plain Llama decoder, small enough for two cores and half an hour.

Its parameters are named as llama.cpp names tensors, so that the export need not rename them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

ROTARY_BASE = 10_000.0
NORM_EPSILON = 1e-5


@dataclass(frozen=True)
class ModelConfig:
    """Shape of the network."""

    vocabulary: int
    width: int = 192
    layers: int = 5
    heads: int = 6
    hidden: int = 512
    context: int = 1024

    @property
    def head_width(self) -> int:
        return self.width // self.heads


class RMSNorm(nn.Module):
    """Root-mean-square normalisation with a learned scale."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return functional.rms_norm(x, self.weight.shape, self.weight, NORM_EPSILON)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding on neighbouring pairs, the layout of llama.cpp's "llama"."""
    even, odd = x[..., ::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


class Block(nn.Module):
    """Attention and a gated feed-forward layer, each with a residual connection."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, hidden = config.width, config.hidden
        self.heads, self.head_width = config.heads, config.head_width
        self.attn_norm, self.ffn_norm = RMSNorm(width), RMSNorm(width)
        self.attn_q = nn.Linear(width, width, bias=False)
        self.attn_k = nn.Linear(width, width, bias=False)
        self.attn_v = nn.Linear(width, width, bias=False)
        self.attn_output = nn.Linear(width, width, bias=False)
        self.ffn_gate = nn.Linear(width, hidden, bias=False)
        self.ffn_up = nn.Linear(width, hidden, bias=False)
        self.ffn_down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        batch, length, width = x.shape

        def split(y: Tensor) -> Tensor:
            return y.view(batch, length, self.heads, self.head_width).transpose(1, 2)

        h = self.attn_norm(x)
        q, k = rotate(split(self.attn_q(h)), cos, sin), rotate(split(self.attn_k(h)), cos, sin)
        v = split(self.attn_v(h))
        attended = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.attn_output(attended.transpose(1, 2).reshape(batch, length, width))
        h = self.ffn_norm(x)
        return x + self.ffn_down(functional.silu(self.ffn_gate(h)) * self.ffn_up(h))


class DemoModel(nn.Module):
    """Llama-style decoder whose embedding is also its output layer."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embd = nn.Embedding(config.vocabulary, config.width)
        self.blk = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.output_norm = RMSNorm(config.width)
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                scale = 0.02 if name.startswith("token_embd") else weight.shape[1] ** -0.5
                if name.endswith(("attn_output.weight", "ffn_down.weight")):
                    scale /= math.sqrt(2 * config.layers)
                nn.init.normal_(weight, 0.0, scale)
        frequencies = ROTARY_BASE ** (-torch.arange(0, config.head_width, 2).float() / config.head_width)
        angles = torch.outer(torch.arange(config.context).float(), frequencies)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Hidden states after the last norm; see `logits`."""
        h = self.token_embd(tokens)
        cos, sin = self.cos[: tokens.shape[1]], self.sin[: tokens.shape[1]]
        for block in self.blk:
            h = block(h, cos, sin)
        return self.output_norm(h)

    def logits(self, hidden: Tensor) -> Tensor:
        return hidden @ self.token_embd.weight.t()
