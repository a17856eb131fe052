"""Models as the gateway's own API describes them."""

from __future__ import annotations

from backend.dialects.chat import JSON, Model
from backend.dialects.objects import list_model


def describe_model(model: Model) -> dict[str, JSON]:
    """A model as `/models` lists it: OpenAI's fields and all that the backend tells. Sizes in bytes, null: not told."""
    return {
        **list_model(model),
        "name": model.name or model.id,
        "backend": model.backend,
        "family": model.family,
        "parameters": model.parameters,
        "quantization": model.quantization,
        "size_bytes": model.size_bytes,
        "context_length": model.context_length,
        "trained_context_length": model.trained_context_length,
        "capabilities": list(model.capabilities),
        "is_loaded": model.is_loaded,
        "is_demo": model.is_demo,
        "is_cloud": model.is_cloud,
        "memory_bytes": model.memory_bytes,
        "shares_with": list(model.shares_with),
        "languages": list(model.languages) or None,
        "sampling": dict(model.sampling) or None,
        "dimensions": model.dimensions,
        "fingerprint": model.fingerprint,
    }
