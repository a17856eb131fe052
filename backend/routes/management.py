"""Managing the backend's models: load, unload, pull, delete. All is refused unless MANAGE_MODELS allows it."""

from __future__ import annotations

import orjson
from flask import Blueprint, Response, request

from backend.dialects.objects import encode_deletion
from backend.dialects.own.model import parse_change, parse_model
from backend.dialects.own.models import describe_model
from backend.dialects.own.progress import ProgressStream
from backend.management import Management
from backend.routes.reply import client, json_reply, meter, read_object, stream_reply


def routes(management: Management) -> Blueprint:
    blueprint = Blueprint("management", __name__)

    @blueprint.before_request
    def check() -> None:
        if request.method != "OPTIONS":  # a page that may call must be able to read the refusal
            management.check()

    @blueprint.post("/models/load")
    def load() -> Response:
        return json_reply(orjson.dumps(describe_model(management.load(*parse_change(read_object()), meter()))))

    @blueprint.post("/models/unload")
    def unload() -> Response:
        return json_reply(orjson.dumps(describe_model(management.unload(*parse_change(read_object()), meter()))))

    @blueprint.post("/models/pull")
    def pull() -> Response:
        name = parse_model(read_object())
        meter().is_stream = True
        relay = management.pull(name, client(), meter())
        return stream_reply(relay, ProgressStream(), {"x-passerelle-backend": meter().backend or ""})

    @blueprint.delete("/v1/models/<model:name>")
    @blueprint.delete("/models/<model:name>")
    def delete(name: str) -> Response:
        return json_reply(encode_deletion(management.delete(name, meter())))

    return blueprint
