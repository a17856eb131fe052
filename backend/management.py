"""Changes which models the backend has and which it holds in memory, and tells what came of it.

It must not know how a backend is asked, nor how answers are written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from backend.backends.backend import Backend, Model
from backend.backends.store import VERBS
from backend.dialects.openai.reply import describe_model
from backend.errors import Forbidden, GatewayError, ModelNotFound, Unsupported
from backend.relay.client import Client
from backend.relay.meter import Meter
from backend.relay.pull import Pull
from backend.relay.relay import Deadlines
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
            cannot = self._selection.current().store.cannot
        except GatewayError:
            return {"enabled": self._is_enabled, "can": []}
        return {"enabled": self._is_enabled, "can": [verb for verb in VERBS if verb not in cannot]}

    def load(self, name: str, meter: Meter) -> Model:
        """The model, loaded. A caller who leaves does not stop it: others may wait for the same model."""
        with self._backend("load", meter) as backend:
            id = self._once("load", backend, name, backend.store.load)
            backend.answered(id)
            return self._described(id)

    def unload(self, name: str, meter: Meter) -> Model:
        """The model, out of memory; still in it where it is answering somebody."""
        with self._backend("unload", meter) as backend:
            return self._described(self._once("unload", backend, name, backend.store.unload))

    def pull(self, name: str, client: Client, meter: Meter) -> Pull:
        """A pull that has begun. A caller who leaves stops it, where the backend can be stopped."""
        with self._backend("pull", meter) as backend:
            known = {model.id for model in self._catalogue.models()}
            pull = Pull(
                lambda: backend.store.pull(name), lambda: self._pulled(name, known), client, self._deadlines, meter
            )
            pull.open()
            return pull

    def delete(self, name: str, meter: Meter) -> str:
        """The id that is no more."""
        with self._backend("delete", meter) as backend:

            def delete(model: Model) -> str:
                backend.store.delete(model)
                return model.id

            id = self._once("delete", backend, name, delete)
            self._catalogue.renew()
            return id

    @contextmanager
    def _backend(self, verb: str, meter: Meter) -> Iterator[Backend]:
        """The backend in use, if it can do that. Where it does not answer, another one is looked for soon."""
        backend = self._selection.current()
        meter.backend = backend.name
        if verb in backend.store.cannot:
            raise Unsupported(backend.store.cannot[verb])
        try:
            yield backend
        except GatewayError as fault:
            if fault.code in ("backend_unavailable", "connect_timeout"):
                self._catalogue.suspect()
            raise

    def _once(self, verb: str, backend: Backend, name: str, change: Callable[[Model], str]) -> str:
        model = self._catalogue.find(name)[1]
        key = (verb, backend.name, model.id)
        flight = self._under_way.setdefault(key, Flight())
        try:
            return flight.join(lambda: change(model))
        finally:
            if self._under_way.get(key) is flight and not flight.is_under_way:
                del self._under_way[key]

    def _pulled(self, name: str, known: set[str]) -> dict[str, Any] | None:
        """The description of what was pulled; None where the backend lists it under a name that cannot be told."""
        self._catalogue.renew()
        try:
            return describe_model(self._catalogue.find(name)[1])
        except ModelNotFound:  # LM Studio takes an address and makes a name of it
            new = [model for model in self._catalogue.models() if model.id not in known]
            return describe_model(new[0]) if len(new) == 1 else None

    def _described(self, id: str) -> Model:
        self._catalogue.renew()
        return self._catalogue.find(id)[1]
