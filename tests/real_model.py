"""The real SmolLM2, where the set-up of the tests could get it through the package index."""

from __future__ import annotations

import pytest

from backend.download.offers import SMOLLM2
from tests.running_gateway import ROOT

FOLDER = ROOT / ".venv" / "models"
ID = SMOLLM2.file.removesuffix(".gguf")
needs_real_model = pytest.mark.skipif(
    not (FOLDER / SMOLLM2.file).exists(),
    reason="SmolLM2 is not in .venv/models: `make test` gets it through the package index, which did not work here",
)
