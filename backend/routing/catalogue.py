"""Which models there are, and which one a caller's name means.

It must not know how a backend is asked.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from time import monotonic

import gevent

from backend.backends.backend import Backend
from backend.dialects.chat import Model
from backend.engine.encoder.models import INSTALL
from backend.errors import BackendUnavailable, Forbidden, GatewayError, ModelNotFound
from backend.routing.flight import Flight
from backend.routing.selection import Selection

log = logging.getLogger("passerelle")
STALE_S = 30.0
"""So long after a listing failed for the first time is the old one still good for `models`."""
NEXT_ASKED_S = 1.0
"""An unknown name asks the backend at once, and an old listing soon, but not more often than this."""
MOST_ALIASES = 1000
_NO_EMBEDDERS = f"{{title}} has no embedding model, and the embedded encoder is not installed: {INSTALL}"
_NO_CHAT_MODELS = "{title} has no model that can chat: get one, or name a model in the request."


@dataclass(slots=True)
class _Listing:
    """The models of one backend at one time. `found` remembers which model each name meant."""

    backend: Backend
    models: list[Model]
    listed_at: float
    failing_since: float | None = None
    found: dict[str, Model] = field(default_factory=dict)


class Catalogue:
    """See the module. `clock` gives seconds. `encoders` has models that are there whichever backend is in use: listed
    after the backend's own, known by their names alone, and used without a name only where the backend has none."""

    def __init__(
        self,
        selection: Selection,
        default_model: str,
        allows_cloud: bool = False,
        ttl_s: float = 5.0,
        clock: Callable[[], float] = monotonic,
        encoders: Backend | None = None,
    ) -> None:
        self._selection = selection
        self._encoders = encoders
        self._default_model, self._allows_cloud = default_model, allows_cloud
        self._ttl_s = ttl_s
        self._clock = clock
        self._listing: _Listing | None = None
        self._flight: Flight[_Listing] = Flight()
        self._asked_at = float("-inf")
        self._fault: GatewayError | None = None
        self._has_missed_default = False

    def models(self) -> list[Model]:
        """Every model of the current backend, at most `ttl_s` old; up to `STALE_S` longer while the backend fails; and
        the encoders. Raises GatewayError where nothing (or nothing so young) is known."""
        listed = self._listed()
        names = {model.id for model in listed}
        return [*listed, *(model for model in self._encoder_models() if model.id not in names)]

    def _listed(self) -> list[Model]:
        listing = self._known(self._selection.current())
        if listing is None:
            return self._refreshed().models
        if self._age(listing) < self._ttl_s:
            return listing.models
        try:
            return self._refreshed().models
        except GatewayError:
            if listing.failing_since is None or self._clock() - listing.failing_since >= STALE_S:
                raise
            return listing.models

    def known(self, name: str) -> tuple[Backend, Model] | None:
        """What `find` would say, where it is known already: on the hot path, without waiting for anybody."""
        listing = self._listing
        if listing is None or not self._selection.uses(listing.backend) or self._age(listing) >= self._ttl_s:
            return None
        model = listing.found.get(name)
        return None if model is None else (listing.backend, model)

    def find(self, name: str) -> tuple[Backend, Model]:
        """The backend and the model that a name means; "" means the default model. May ask the backend. Raises
        ModelNotFound, or what keeps the backend from telling."""
        if name and (encoder := self._encoder(name)):
            return encoder
        listing = self._lately()
        model = listing.found.get(name) or self._resolved(listing, name)
        if model is None and self._age(listing) >= NEXT_ASKED_S:
            if self._fault is not None and not self._may_ask():
                raise self._fault.anew()
            listing = self._refreshed()
            model = self._resolved(listing, name)
        if model is None:
            raise _not_found(listing, name, self._encoder_models())
        return listing.backend, model

    def find_embedder(self, name: str) -> tuple[Backend, Model]:
        """As `find`, for vectors: "" means the backend's first embedding model, loaded ones before others, or else the
        first encoder."""
        if name:
            return self.find(name)
        listing = self._lately()
        makers = [model for model in listing.models if "embedding" in model.capabilities and not model.is_cloud]
        if makers:
            return listing.backend, next((model for model in makers if model.is_loaded), makers[0])
        encoder = next((model for model in self._encoder_models()), None)
        if encoder is None or self._encoders is None:
            raise ModelNotFound(_NO_EMBEDDERS.format(title=listing.backend.identity.subject))
        return self._encoders, encoder

    def find_reranker(self, name: str) -> tuple[Backend, Model]:
        """As `find`, for ranking: "" means the backend's first model that does just that, or else what `find_embedder`
        says."""
        if name:
            return self.find(name)
        listing = self._lately()
        model = next((model for model in listing.models if "rerank" in model.capabilities), None)
        return (listing.backend, model) if model else self.find_embedder("")

    def default(self) -> str | None:
        """The model for requests that name none, or None where there is none. Raises GatewayError."""
        try:
            return self.find("")[1].id
        except ModelNotFound:
            return None

    def check(self, model: Model) -> None:
        """Raises Forbidden for a model to which the backend sends what is said, away from its machine, unless `.env`
        allows that."""
        if model.is_cloud and not self._allows_cloud:
            raise Forbidden(
                f"{model.id} is a cloud model: what is said to it leaves this machine. To allow that, put "
                "CLOUD_MODELS=true into .env and restart the gateway.",
                "cloud_off",
            )

    def renew(self) -> None:
        """The backend's models were changed by us just now: ask it what it has. Raises GatewayError."""
        if self._flight.is_under_way:  # that one may have been asked before the change
            with suppress(GatewayError):
                self._flight.join(self._refresh)
        self._refreshed()

    def suspect(self) -> None:
        """A request failed because its backend does not answer: look soon whether another one should be used."""
        self._selection.suspect()

    # -- the encoders

    def _encoder_models(self) -> list[Model]:
        return self._encoders.models() if self._encoders else []

    def _encoder(self, name: str) -> tuple[Backend, Model] | None:
        """Of this name, unless the backend is known to have a model of the same."""
        if self._encoders is None or (self._listing and any(model.id == name for model in self._listing.models)):
            return None
        model = self._encoders.resolve(name, [])
        return None if model is None else (self._encoders, model)

    # -- the listing

    def _lately(self) -> _Listing:
        """The listing, however old; an old one is asked for anew meanwhile."""
        listing = self._known(self._selection.current()) or self._refreshed()
        if self._age(listing) >= self._ttl_s and self._may_ask():
            gevent.spawn(self._refresh_quietly)
        return listing

    def _known(self, backend: Backend) -> _Listing | None:
        """The listing, if it is this backend's."""
        listing = self._listing
        return listing if listing is not None and listing.backend is backend else None

    def _age(self, listing: _Listing) -> float:
        return self._clock() - listing.listed_at

    def _may_ask(self) -> bool:
        return not self._flight.is_under_way and self._clock() - self._asked_at >= NEXT_ASKED_S

    def _refreshed(self) -> _Listing:
        return self._flight.join(self._refresh)

    def _refresh(self) -> _Listing:
        backend = self._selection.current()
        asked_at = self._asked_at = self._clock()
        try:
            models = backend.models()
        except GatewayError as fault:
            self._fault = fault.anew()
            known = self._known(backend)
            if known is not None and known.failing_since is None:
                known.failing_since = asked_at
            if isinstance(fault, BackendUnavailable):
                self.suspect()
            raise
        self._fault = None
        self._listing = _Listing(backend, models, asked_at)
        return self._listing

    def _refresh_quietly(self) -> None:
        try:
            self._refreshed()
        except GatewayError as fault:  # whoever needs the listing will hear of it
            log.debug("The list of models could not be read anew: %s", fault.message)

    # -- names

    def _resolved(self, listing: _Listing, name: str) -> Model | None:
        model = listing.backend.resolve(name, listing.models) if name else self._default(listing)
        if model is not None and len(listing.found) < MOST_ALIASES:
            listing.found[name] = model
        return model

    def _default(self, listing: _Listing) -> Model | None:
        """DEFAULT_MODEL where the backend has it, else the first model that chats: loaded ones before others, and after
        all of them a demo. Never one in a cloud: whoever names no model has not agreed to that."""
        if self._default_model:
            model = listing.backend.resolve(self._default_model, listing.models)
            if model is not None and not model.is_cloud:
                self._has_missed_default = False
                return model
            if not self._has_missed_default:
                self._has_missed_default = True
                log.warning(*self._missed(listing, model))
        chatting = [model for model in listing.models if _can_chat(model) and not model.is_cloud]
        return min(chatting, key=lambda model: (model.is_demo, not model.is_loaded), default=None)

    def _missed(self, listing: _Listing, model: Model | None) -> tuple[str, ...]:
        if model is not None:
            return "%s (DEFAULT_MODEL) is a cloud model, which is never the default: name it in requests.", model.id
        return "%s has no model %s (DEFAULT_MODEL).", listing.backend.identity.subject, self._default_model


def _can_chat(model: Model) -> bool:
    """Ollama's word for it is "completion"; where nothing is told it is worth a try."""
    return not model.capabilities or "chat" in model.capabilities or "completion" in model.capabilities


def _not_found(listing: _Listing, name: str, encoders: list[Model]) -> ModelNotFound:
    title = listing.backend.identity.subject
    if not listing.models:
        return ModelNotFound(listing.backend.identity.no_models or f"{title} has no model.")
    if not name:
        return ModelNotFound(_NO_CHAT_MODELS.format(title=title))
    shown = "".join(letter if letter.isprintable() else "?" for letter in name[:100])
    close = _close_names(name, [model.id for model in (*listing.models, *encoders)])
    if close:
        return ModelNotFound(f"{title} has no model '{shown}'. Close: {', '.join(close)}.")
    return ModelNotFound(f"{title} has no model '{shown}'. GET /models lists those it has.")


def _close_names(name: str, ids: list[str]) -> list[str]:
    """Up to five, the closest first: names that hold it, then names that look like it."""
    wanted = name[:100].lower().removesuffix(":latest")
    by_lower = {id.lower(): id for id in ids}
    holding = [lower for lower in by_lower if wanted and wanted in lower]
    alike = get_close_matches(wanted, by_lower, n=5, cutoff=0.5)
    return [by_lower[lower] for lower in dict.fromkeys([*holding, *alike])][:5]
