from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.encoder.running_encoder import RunningEncoder, running


@pytest.fixture(scope="session")
def encoder() -> Iterator[RunningEncoder]:
    """use-multilingual, in a child that lives as long as the tests do."""
    with running() as encoder:
        yield encoder
