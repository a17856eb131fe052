"""The gateway's own API: the course's /chat, and what there is to know: /models, /stats, /health."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from flask import Blueprint, Response, request

from backend import __version__
from backend.dialects.own.dialect import COURSE
from backend.dialects.own.models import describe_model
from backend.errors import GatewayError
from backend.gateway import Gateway
from backend.management import Management
from backend.observers.stats import Stats
from backend.routes.admission import Admission
from backend.routes.reply import generate, json_reply
from backend.routing.catalogue import Catalogue
from backend.routing.selection import Selection

HOT = {"/chat": COURSE}
"""What the hot lane may answer."""


def routes(
    gateway: Gateway,
    catalogue: Catalogue,
    selection: Selection,
    management: Management,
    stats: Stats,
    admission: Admission,
) -> Blueprint:
    blueprint = Blueprint("own", __name__)

    @blueprint.post("/chat")
    def chat() -> Response:
        return generate(gateway, COURSE)

    @blueprint.get("/models")
    def models() -> Response:
        listed = {
            "object": "list",
            "backend": selection.current().identity.id,
            "default_model": _default(catalogue),
            "data": [describe_model(model) for model in catalogue.models()],
        }
        return json_reply(orjson.dumps(listed))

    @blueprint.get("/models/<model:name>")
    def model(name: str) -> Response:
        return json_reply(orjson.dumps(describe_model(catalogue.find(name)[1])))

    @blueprint.get("/stats")
    def statistics() -> Response:
        name = request.args.get("model")
        if name is not None:
            backend, found = catalogue.find(name)
            return json_reply(orjson.dumps({"model": found.id, **backend.show(found.id)}, default=str))
        return json_reply(
            orjson.dumps({**stats.snapshot(), "backend": selection.state(), "memory": _memory(catalogue)})
        )

    @blueprint.get("/health")
    def health() -> Response:
        state = selection.state()
        known: dict[str, Any] = {"ok": state["ok"], "version": __version__}
        if admission.has_key(request.headers):  # where keys are wanted, strangers learn no addresses
            known |= {"backend": state, "default_model": _default(catalogue) if state["ok"] else None}
            known["manage"] = management.state()
        return json_reply(orjson.dumps(known), status=200 if state["ok"] else 503)

    return blueprint


def _default(catalogue: Catalogue) -> str | None:
    try:
        return catalogue.default()
    except GatewayError:
        return None


def _memory(catalogue: Catalogue) -> dict[str, Any]:
    try:
        models = catalogue.models()
    except GatewayError:
        models = []
    told: dict[str, int] = {}
    for model in models:
        if model.memory_bytes is not None and not told.keys() & set(model.shares_with):  # names of one memory
            told[model.id] = model.memory_bytes
    return {"gateway_bytes": _resident_bytes(), "models": [{"id": id, "bytes": told[id]} for id in told]}


def _resident_bytes() -> int | None:
    """This process's memory, where the system tells it simply (Linux)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    return int(lines["VmRSS"].split()[0]) * 1024
