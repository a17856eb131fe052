"""Writes a checkpoint of passerelle-demo as a GGUF file for llama.cpp."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import gguf
import numpy as np
import torch

from tools.demo_model.corpus import HERE
from tools.demo_model.network import NORM_EPSILON, ROTARY_BASE

MESSAGE = "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
GENERATION = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
CHAT_TEMPLATES = {
    # The whole conversation, as large models get it.
    "full": "{% for message in messages %}" + MESSAGE + "{% endfor %}" + GENERATION,
    # System message and last message only: the model treats each question on its own,
    # and a long chat can never exceed the context window.
    "last": "{% for message in messages %}{% if message['role'] == 'system' or loop.last %}"
    + MESSAGE
    + "{% endif %}{% endfor %}"
    + GENERATION,
}
FILE_TYPES = {
    "F16": gguf.LlamaFileType.MOSTLY_F16,
    "Q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
}


def add_metadata(writer: gguf.GGUFWriter, config: dict[str, int], file_type: str, parameters: int) -> None:
    """Describe the network and its origin."""
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name("passerelle-demo")
    writer.add_description("Tiny bilingual demo model of Passerelle, trained from scratch on generated dialogues")
    writer.add_license("MIT")
    writer.add_languages(["en", "fr"])
    writer.add_size_label(f"{parameters / 1e6:.1f}M")
    writer.add_file_type(FILE_TYPES[file_type])
    writer.add_context_length(config["context"])
    writer.add_embedding_length(config["width"])
    writer.add_block_count(config["layers"])
    writer.add_feed_forward_length(config["hidden"])
    writer.add_head_count(config["heads"])
    writer.add_head_count_kv(config["heads"])
    writer.add_layer_norm_rms_eps(NORM_EPSILON)
    writer.add_rope_freq_base(ROTARY_BASE)
    writer.add_rope_dimension_count(config["width"] // config["heads"])
    writer.add_vocab_size(config["vocabulary"])


def add_tokenizer(writer: gguf.GGUFWriter, path: Path, template: str) -> None:
    """Store the byte-level BPE vocabulary, its merges and the chat template."""
    data = json.loads(path.read_text(encoding="utf-8"))
    vocabulary = data["model"]["vocab"]
    tokens = sorted(vocabulary, key=vocabulary.get)
    special = {entry["content"] for entry in data["added_tokens"]}
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in data["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")  # single digits, then the GPT-2 splitting
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL if token in special else gguf.TokenType.NORMAL for token in tokens])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(vocabulary["<|endoftext|>"])
    writer.add_eos_token_id(vocabulary["<|im_end|>"])
    writer.add_pad_token_id(vocabulary["<|endoftext|>"])
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATES[template])


def add_weights(writer: gguf.GGUFWriter, weights: dict[str, torch.Tensor], file_type: str) -> None:
    """Store all tensors; vectors stay in 32 bits, matrices get the chosen type."""
    for name, tensor in weights.items():
        array = np.ascontiguousarray(tensor.numpy(), dtype=np.float32)
        if array.ndim == 1:
            writer.add_tensor(name, array)
        elif file_type == "F16":
            writer.add_tensor(name, array.astype(np.float16))
        else:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(array, kind), raw_dtype=kind)


def export(checkpoint: Path, tokenizer: Path, output: Path, file_type: str, template: str) -> None:
    """Write one GGUF file; the checkpoint already uses llama.cpp's tensor names."""
    data = torch.load(checkpoint, map_location="cpu", weights_only=True)
    writer = gguf.GGUFWriter(output, "llama")
    add_metadata(writer, data["config"], file_type, sum(tensor.numel() for tensor in data["weights"].values()))
    add_tokenizer(writer, tokenizer, template)
    add_weights(writer, data["weights"], file_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(output, output.stat().st_size, "bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a checkpoint as a GGUF file.")
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoint.pt"))
    parser.add_argument("--tokenizer", type=Path, default=HERE / "tokenizer.json")
    parser.add_argument("--output", type=Path, default=Path("passerelle-demo-q8_0.gguf"))
    parser.add_argument("--type", choices=sorted(FILE_TYPES), default="Q8_0")
    parser.add_argument("--template", choices=sorted(CHAT_TEMPLATES), default="last")
    args = parser.parse_args()
    export(args.checkpoint, args.tokenizer, args.output, args.type, args.template)


if __name__ == "__main__":
    main()
