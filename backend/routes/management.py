"""Managing the backend's models: load, unload, pull, delete. All is refused unless MANAGE_MODELS allows it."""

from __future__ import annotations

import orjson
from flask import Blueprint, Response, request

from backend.dialects.openai.reply import describe_model, encode_deletion
from backend.dialects.own.model import parse_model
from backend.management import Management
from backend.routes.reply import StreamResponse, client, json_reply, meter, read_object


def routes(management: Management) -> Blueprint:
    blueprint = Blueprint("management", __name__)

    @blueprint.before_request
    def check() -> None:
        if request.method != "OPTIONS":  # a page that may call must be able to read the refusal
            management.check()

    @blueprint.post("/models/load")
    def load() -> Response:
        return json_reply(orjson.dumps(describe_model(management.load(parse_model(read_object()), meter()))))

    @blueprint.post("/models/unload")
    def unload() -> Response:
        return json_reply(orjson.dumps(describe_model(management.unload(parse_model(read_object()), meter()))))

    @blueprint.post("/models/pull")
    def pull() -> Response:
        name = parse_model(read_object())
        meter().is_stream = True
        pull = management.pull(name, client(), meter())
        headers = {"x-passerelle-backend": meter().backend or ""}
        return StreamResponse(pull.content_type, headers, pull.stream, pull.abandon)

    @blueprint.delete("/v1/models/<path:name>")
    @blueprint.delete("/models/<path:name>")
    def delete(name: str) -> Response:
        return json_reply(encode_deletion(management.delete(name, meter())))

    return blueprint
