"""Changes which models the backend has and which it holds in memory, and tells what came of it.

It must not know how a backend is asked, nor how answers are written.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from backend.backends.backend import Backend
from backend.backends.store import VERBS
from backend.dialects.chat import Model
from backend.errors import Conflict, Forbidden, GatewayError, ModelNotFound, Unsupported
from backend.relay.client import Client
from backend.relay.deadlines import Deadlines
from backend.relay.meter import Meter
from backend.relay.pull import Pull
from backend.relay.relay import Relay
from backend.relay.watch import Watch
from backend.routing.catalogue import Catalogue
from backend.routing.flight import Flight
from backend.routing.selection import Selection


class Management:
    """What the routes call. The same change asked for twice at a time is made once: LM Studio would load two copies."""

    def __init__(self, selection: Selection, catalogue: Catalogue, deadlines: Deadlines, is_enabled: bool) -> None:
        self._selection, self._catalogue = selection, catalogue
        self._deadlines, self._is_enabled = deadlines, is_enabled
        self._under_way: dict[tuple[str, str, str], Flight[str]] = {}

    def check(self) -> None:
        """Raises Forbidden where the settings do not allow any of this."""
        if not self._is_enabled:
            raise Forbidden(
                "This gateway does not manage models. To let it, put MANAGE_MODELS=true into .env and restart it.",
                "management_off",
            )

    def state(self) -> dict[str, Any]:
        """`{"enabled", "can"}`: whether the settings allow it, and which verbs the backend has something for."""
        try:
            cannot = set(self._selection.current().store.cannot)
        except GatewayError:
            return {"enabled": self._is_enabled, "can": []}
        if "pull" not in self._puller().store.cannot:
            cannot -= {"pull"}
        return {"enabled": self._is_enabled, "can": [verb for verb in VERBS if verb not in cannot]}

    def load(self, name: str, is_forced: bool, meter: Meter) -> Model:
        """The model, loaded. A caller who leaves does not stop it: others may wait for the same model."""
        backend, model = self._found("load", name, meter)
        self._catalogue.check(model)
        if not model.is_loaded and not is_forced:
            self._check_others(model, "Loading")
        return self._described(backend, self._once("load", backend, model, backend.store.load))

    def unload(self, name: str, is_forced: bool, meter: Meter) -> Model:
        """The model, out of memory; still in it where it is answering somebody."""
        backend, model = self._found("unload", name, meter)
        if not is_forced:
            self._check_others(model, "Unloading")
        return self._described(backend, self._once("unload", backend, model, backend.store.unload))

    def pull(self, name: str, client: Client, meter: Meter) -> Relay:
        """A pull that has begun. A caller who leaves stops it, where the backend can be stopped."""
        backend = self._able("pull", self._puller(), meter)
        known = {model.id for model in self._catalogue.models()}
        begin = partial(Pull, lambda: backend.store.pull(name), lambda: self._pulled(name, known))
        relay = Relay([begin], Watch(client), self._deadlines, meter)
        relay.open(self._deadlines.heartbeat_s)
        return relay

    def delete(self, name: str, meter: Meter) -> str:
        """The id that is no more."""
        backend, model = self._found("delete", name, meter)

        def delete(model: Model) -> str:
            backend.store.delete(model)
            return model.id

        id = self._once("delete", backend, model, delete)
        self._catalogue.renew()
        return id

    def _found(self, verb: str, name: str, meter: Meter) -> tuple[Backend, Model]:
        """The model and the backend that it was found at, if that can do this. Both go together from here on: another
        backend may be in use a moment later."""
        self._able(verb, self._selection.current(), meter)
        backend, model = self._catalogue.find(name)
        return self._able(verb, backend, meter), model

    def _check_others(self, model: Model, change: str) -> None:
        """Raises Conflict where the change takes the model out of memory under other names, too."""
        listed = self._catalogue.models() if model.shares_with else []
        others = [other.id for other in listed if other.is_loaded and other.id in model.shares_with]
        if others:
            raise Conflict(
                f"{change} {model.id} takes {', '.join(others[:5])} out of memory, for both have the same weights. "
                'To do it all the same: `"force": true`, in a terminal `--force`.'
            )

    def _able(self, verb: str, backend: Backend, meter: Meter) -> Backend:
        meter.backend = backend.identity.id
        if verb in backend.store.cannot:
            raise Unsupported(backend.store.cannot[verb])
        return backend

    def _once(self, verb: str, backend: Backend, model: Model, change: Callable[[Model], str]) -> str:
        key = (verb, backend.identity.id, model.id)
        flight = self._under_way.setdefault(key, Flight())
        try:
            return flight.join(lambda: change(model))
        finally:
            if self._under_way.get(key) is flight and not flight.is_under_way:
                del self._under_way[key]

    def _puller(self) -> Backend:
        """The current backend, or, where that cannot pull, one that could answer if it had a model."""
        current = self._selection.current()
        candidates = (current, *self._selection.empty())
        return next((backend for backend in candidates if "pull" not in backend.store.cannot), current)

    def _pulled(self, name: str, known: set[str]) -> Model | None:
        """What was pulled; None where the backend lists it under a name that cannot be told."""
        if self._selection.empty():  # one of them has its first model now, and is the better one
            self._selection.look()
        self._catalogue.renew()
        try:
            return self._catalogue.find(name)[1]
        except ModelNotFound:  # LM Studio takes an address and makes a name of it
            new = [model for model in self._catalogue.models() if model.id not in known]
            return new[0] if len(new) == 1 else None

    def _described(self, backend: Backend, id: str) -> Model:
        self._catalogue.renew()
        model = backend.resolve(id, backend.models())
        if model is None:
            raise ModelNotFound(f"{backend.identity.subject} does not list {id} any more.")
        return model
