"""A failure that is remembered is told to many; none of them may keep another's frames alive."""

from __future__ import annotations

import gc
import traceback
import weakref
from contextlib import suppress

import gevent
import pytest
from gevent.event import Event

from backend.backends.ollama import OllamaBackend
from backend.errors import BackendTimeout, BackendUnavailable, GatewayError, Unsupported
from backend.routing.catalogue import Catalogue
from backend.routing.flight import Flight
from backend.routing.selection import Selection
from backend.settings import Settings
from tests.running_gateway import free_port


class Body:
    """Stands for a request's body in a caller's frame."""


def test_a_failure_of_the_listing_keeps_no_callers_frame_alive() -> None:
    settings = Settings.read({"OLLAMA_URL": f"http://127.0.0.1:{free_port()}", "CONNECT_TIMEOUT_S": "1"}, None)
    catalogue = Catalogue(Selection([OllamaBackend.of(settings)]), "")
    bodies: list[weakref.ref[Body]] = []

    def ask() -> None:
        body = Body()
        bodies.append(weakref.ref(body))
        catalogue.find("m")

    for _ in range(5):
        with suppress(GatewayError):
            ask()

    gc.collect()
    assert [reference() for reference in bodies] == [None] * 5


def test_everybody_who_waited_gets_a_failure_of_their_own() -> None:
    flight: Flight[None] = Flight()
    is_over = Event()
    caught: list[GatewayError] = []

    def work() -> None:
        is_over.wait()
        raise BackendTimeout("It was silent.")

    def join() -> None:
        try:
            flight.join(work)
        except GatewayError as fault:
            caught.append(fault)

    waiting = [gevent.spawn(join) for _ in range(50)]
    gevent.idle()
    is_over.set()
    gevent.joinall(waiting, timeout=10)

    assert len({id(fault) for fault in caught}) == 50
    assert max(len(traceback.extract_tb(fault.__traceback__)) for fault in caught) < 6


@pytest.mark.parametrize(
    "fault", [BackendUnavailable("It is gone.", "model_busy", 7), Unsupported("It cannot.", "tools"), GatewayError("?")]
)
def test_a_failure_told_anew_is_the_same_but_for_where_it_was_raised(fault: GatewayError) -> None:
    with suppress(GatewayError):
        raise fault

    again = fault.anew()

    assert type(again) is type(fault)
    assert vars(again) == vars(fault)
    assert str(again) == str(fault)
    assert again.__traceback__ is None
    assert len({again, fault}) == 2, "errors can be kept in sets, each as itself"
