"""Trains passerelle-demo from scratch on the processor and saves a PyTorch checkpoint.

The wall clock sets the length of a run, so no two runs are identical bit by bit.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from tools.demo_model.batches import Encoder, batches
from tools.demo_model.corpus import HERE, Corpus
from tools.demo_model.network import DemoModel, ModelConfig

WARM_UP_STEPS = 80
Batch = tuple[Tensor, Tensor]


def answer_loss(model: DemoModel, tokens: Tensor, learned: Tensor, first_weight: float = 1.0) -> Tensor:
    """Cross entropy over answer tokens; the first one of each answer may weigh more."""
    target = learned[:, 1:]
    hidden = model(tokens[:, :-1])[target]
    losses = functional.cross_entropy(model.logits(hidden), tokens[:, 1:][target], reduction="none")
    first = (target & ~learned[:, :-1])[target]
    weights = torch.where(first, first_weight, 1.0)
    return (losses * weights).sum() / weights.sum()


def save_checkpoint(model: DemoModel, path: Path) -> None:
    """Write weights and shape; safe to read while training goes on."""
    temporary = path.with_suffix(".tmp")
    torch.save({"config": asdict(model.config), "weights": model.state_dict()}, temporary)
    temporary.replace(path)


class Training:
    """One run: a model, its optimiser, its batches, until the time is used up."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        torch.set_num_threads(args.threads)
        torch.manual_seed(args.seed)
        corpus, encoder = Corpus(), Encoder(args.tokenizer, args.context)
        words = encoder.tokenizer.get_vocab_size()
        self.model = DemoModel(ModelConfig(words, args.width, args.layers, args.heads, args.hidden, args.context))
        if args.resume:
            self.model.load_state_dict(torch.load(args.resume, weights_only=True)["weights"])
        self.optimizer = self._optimizer()
        self.stream = batches(corpus, encoder, args.batch_tokens, args.cut_share, args.seed)
        held = batches(corpus, encoder, args.batch_tokens, 0.0, args.seed + 1)
        self.validation = [next(held) for _ in range(6)]
        self.step = self.seen = 0

    def _optimizer(self) -> torch.optim.Optimizer:
        matrices = [parameter for parameter in self.model.parameters() if parameter.ndim == 2]
        scales = [parameter for parameter in self.model.parameters() if parameter.ndim == 1]
        groups = [{"params": matrices, "weight_decay": 0.05}, {"params": scales, "weight_decay": 0.0}]
        return torch.optim.AdamW(groups, lr=self.args.learning_rate, betas=(0.9, 0.98), fused=True)

    def run(self) -> None:
        started, saved = time.monotonic(), 0.0
        print(sum(parameter.numel() for parameter in self.model.parameters()), "parameters", self.model.config)
        while (elapsed := time.monotonic() - started) < self.args.seconds:
            loss = self._learn(next(self.stream), elapsed / self.args.seconds)
            if self.step % 50 == 0:
                self._say(loss, time.monotonic() - started)
            if self.step % 50 == 0 and elapsed - saved > self.args.save_every:
                save_checkpoint(self.model, self.args.output)
                saved = elapsed
        save_checkpoint(self.model, self.args.output)
        print(f"done: {self.step} steps, {self.seen} tokens, validation {self._validated():.4f}", flush=True)

    def _learn(self, batch: Batch, progress: float) -> float:
        """One step; the rate rises for a moment and then falls as a cosine, to a hundredth."""
        fall = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress))
        rate = self.args.learning_rate * min(1.0, (self.step + 1) / WARM_UP_STEPS) * fall
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        loss = answer_loss(self.model, *batch, self.args.first_weight)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.seen += batch[0].numel()
        self.step += 1
        return loss.item()

    def _say(self, loss: float, elapsed: float) -> None:
        note = f" validation {self._validated():.4f}" if self.step % 200 == 0 else ""
        print(f"step {self.step} {elapsed:.0f} s loss {loss:.4f} {self.seen / elapsed:.0f} tokens/s{note}", flush=True)

    def _validated(self) -> float:
        with torch.no_grad():
            return sum(answer_loss(self.model, *pair).item() for pair in self.validation) / len(self.validation)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train passerelle-demo on the processor.")
    parser.add_argument("--tokenizer", type=Path, default=HERE / "tokenizer.json")
    parser.add_argument("--output", type=Path, default=Path("checkpoint.pt"))
    parser.add_argument("--resume", type=Path, help="checkpoint whose weights to start from")
    parser.add_argument("--seconds", type=float, default=1740, help="wall time of the run")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--width", type=int, default=192)
    parser.add_argument("--layers", type=int, default=5)
    parser.add_argument("--heads", type=int, default=6)
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--context", type=int, default=1024)
    parser.add_argument("--batch-tokens", type=int, default=2560)
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--cut-share", type=float, default=0.85, help="share of single turns that are cut short")
    parser.add_argument("--first-weight", type=float, default=4.0, help="loss weight of the first answer token")
    parser.add_argument("--save-every", type=float, default=120, help="seconds between checkpoints")
    Training(parser.parse_args()).run()


if __name__ == "__main__":
    main()
