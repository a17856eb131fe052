"""The only place that builds and connects objects."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, Response, g, request
from flask_cors import CORS
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from backend.backends.backend import Backend, Leavable
from backend.backends.embedded import EmbeddedBackend
from backend.backends.encoders import EncodersBackend
from backend.backends.lmstudio import LMStudioBackend
from backend.backends.ollama import OllamaBackend
from backend.backends.openai import OpenAIBackend
from backend.dialects.anthropic.dialect import ANTHROPIC, SIGN
from backend.dialects.dialect import Dialect
from backend.dialects.openai.dialect import OPENAI
from backend.dialects.own.dialect import OWN
from backend.errors import GatewayError
from backend.gateway import Gateway
from backend.management import Management
from backend.observers.access_log import access_log
from backend.observers.exchange import Observers
from backend.observers.stats import Stats
from backend.relay.deadlines import ClientGone, Deadlines
from backend.relay.meter import Meter
from backend.routes import anthropic as anthropic_routes
from backend.routes import listing as listing_routes
from backend.routes import management as management_routes
from backend.routes import openai as openai_routes
from backend.routes import own as own_routes
from backend.routes.admission import Admission
from backend.routes.answers import bug, common_headers, new_request_id
from backend.routes.answers import gone as client_gone
from backend.routes.dialects import Dialects
from backend.routes.hot_lane import HotLane
from backend.routes.model_name import ModelName
from backend.routes.pages import pages
from backend.routes.reply import StreamResponse, error_of, render
from backend.routing.catalogue import Catalogue
from backend.routing.selection import Selection
from backend.settings import ROOT, Settings
from backend.upstream.idle import IdleConnections
from backend.vocabulary import Vocabulary

log = logging.getLogger("passerelle")
FRONTEND = ROOT / "frontend"
EXPOSED = [
    "request-id",
    "retry-after",
    "x-passerelle-backend",
    "x-passerelle-demo",
    "x-passerelle-estimated",
    "x-passerelle-ignored",
    "x-passerelle-model",
    "x-request-id",
]
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_BACKENDS: dict[str, tuple[Callable[[Settings], Backend], ...]] = {
    "auto": (OllamaBackend.of, LMStudioBackend.of, EmbeddedBackend),
    "ollama": (OllamaBackend.of,),
    "lmstudio": (LMStudioBackend.of,),
    "openai": (OpenAIBackend.of,),
    "embedded": (EmbeddedBackend,),
}
_HOMES = {
    "/": OPENAI,
    "/chat": OWN,
    "/models": OWN,
    "/stats": OWN,
    "/health": OWN,
    "/chat/completions": OPENAI,
    "/v1/messages": ANTHROPIC,
}
"""Where each dialect is at home."""
_SIGNS = {SIGN: ANTHROPIC}


@dataclass(frozen=True, slots=True)
class Parts:
    """What lives as long as the process, for whoever starts and stops it."""

    selection: Selection
    catalogue: Catalogue
    backends: tuple[Backend, ...]
    dialects: Dialects
    lane: HotLane

    def start(self) -> None:
        self.selection.look()
        self.selection.start()

    def stop(self) -> None:
        self.selection.stop()
        for backend in self.backends:
            if isinstance(backend, Leavable):
                backend.leave()


def create_app(settings: Settings, frontend: Path = FRONTEND) -> Flask:
    """The whole gateway as a WSGI app. `app.extensions["passerelle"]` holds the Parts to start and stop."""
    app = Flask("passerelle", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_mb * 1024 * 1024
    app.url_map.merge_slashes = False
    app.url_map.converters["model"] = ModelName

    admission = Admission(settings)
    backends = tuple(build(settings) for build in _BACKENDS[settings.backend])
    selection = Selection(backends)
    encoders = EncodersBackend()
    catalogue = Catalogue(selection, settings.default_model, settings.cloud_models, encoders=encoders)
    stats = Stats()
    observers = Observers([stats, access_log, selection.heard], stats.begin)
    deadlines = Deadlines(settings.connect_timeout_s, settings.idle_timeout_s, settings.heartbeat_s)
    gateway = Gateway(catalogue, encoders, IdleConnections(), deadlines)
    dialects = Dialects(_HOMES, _SIGNS)
    management = Management(selection, catalogue, deadlines, settings.manage_models)

    hot = {**openai_routes.HOT, **anthropic_routes.HOT, **own_routes.HOT}
    lane = HotLane(gateway, admission, observers, dialects, hot, app.config["MAX_CONTENT_LENGTH"])

    app.register_blueprint(openai_routes.routes(gateway, Vocabulary()))
    app.register_blueprint(anthropic_routes.routes(gateway))
    app.register_blueprint(listing_routes.routes(catalogue))
    app.register_blueprint(own_routes.routes(gateway, catalogue, selection, management, stats, admission))
    app.register_blueprint(management_routes.routes(management))
    app.register_blueprint(pages(frontend))
    _admit(app, admission, observers, dialects)
    exact = [re.compile(re.escape(origin) + r"\Z") for origin in admission.origins]  # "[::1]" would pass for a pattern
    CORS(app, origins=exact, expose_headers=EXPOSED, max_age=600, always_send=False)
    app.extensions["passerelle"] = Parts(selection, catalogue, (*backends, encoders), dialects, lane)
    return app


def _admit(app: Flask, admission: Admission, observers: Observers, dialects: Dialects) -> None:
    """Everything that happens before and after each request, whatever its route."""

    @app.before_request
    def check() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if _REQUEST_ID.fullmatch(given) else new_request_id()
        g.meter = Meter(observers, g.request_id, request.method, _route())
        g.meter.is_counted = request.blueprint != "management"
        g.meter.is_page_file = is_page = request.blueprint == "pages"
        needs_key = request.method != "OPTIONS" and not is_page and request.endpoint != "own.health"
        admission.admit(request.headers, is_page, needs_key)

    @app.after_request
    def finish(response: Response) -> Response:
        for name, value in common_headers(g.request_id, _dialect(dialects)).items():
            response.headers.setdefault(name, value)
        if not isinstance(response, StreamResponse):
            g.meter.end("ok" if response.status_code < 400 else "error", response.status_code)
        return response

    @app.errorhandler(GatewayError)
    def refused(error: GatewayError) -> Response:
        g.meter.end("error", error.status, error.code)
        return render(error, _dialect(dialects))

    @app.errorhandler(HTTPException)
    def refused_by_flask(fault: HTTPException) -> Response:
        response = refused(error_of(fault))
        if isinstance(fault, MethodNotAllowed):
            response.headers["Allow"] = ", ".join(sorted(fault.valid_methods or ()))
        return response

    @app.errorhandler(ClientGone)
    def gone(_: ClientGone) -> Response:
        g.meter.end("aborted", 499)
        return refused(client_gone())

    @app.errorhandler(Exception)
    def failed(fault: Exception) -> Response:
        return refused(bug(fault, g.request_id))


def _dialect(dialects: Dialects) -> Dialect:
    return dialects.at(request.path, request.headers)


def _route() -> str:
    """The pattern, never the address: what a caller wrote into it stays out of the log."""
    return request.url_rule.rule if request.url_rule else "other"
