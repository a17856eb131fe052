"""What every backend is asked, and no more than that."""

from __future__ import annotations

import ast
import inspect

import pytest

from backend.backends.backend import Backend
from backend.backends.embedded import EmbeddedBackend
from backend.backends.lmstudio import LMStudioBackend
from backend.backends.ollama import OllamaBackend
from backend.backends.openai import OpenAIBackend

MEMBERS = {name for name in {**vars(Backend), **Backend.__annotations__} if not name.startswith("_")}


def test_a_backend_has_at_most_ten_members() -> None:
    assert len(MEMBERS) <= 10


@pytest.mark.parametrize("kind", [OllamaBackend, LMStudioBackend, OpenAIBackend, EmbeddedBackend])
def test_no_backend_has_a_member_that_does_nothing(kind: type) -> None:
    for name in MEMBERS & vars(kind).keys():
        member = inspect.getattr_static(kind, name)
        if inspect.isfunction(member):
            (function,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(member))).body
            assert isinstance(function, ast.FunctionDef)
            assert not all(isinstance(line, (ast.Pass, ast.Expr)) for line in function.body), name
