"""Addresses of both families; names are resolved by a stand-in inside the load generator's process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.loadgen.generator import Generator
from tests.loadgen.scripted import OK, answering, answering_once, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.loadgen.scripted import Peer

RESOLVER = """
from portcompare.loadgen import LeanUser, dialing, http_request

def resolve(host, port, family, kind):
    print("resolved", host, flush=True)
    places = [(dialing.socket.AF_INET6, ("::1", port, 0, 0)), (dialing.socket.AF_INET, ("127.0.0.1", port))]
    return [(family, kind, 6, "", place) for family, place in places]

dialing.socket.getaddrinfo = resolve

class Data(LeanUser):
    request = http_request("/data")
"""


@pytest.fixture
def resolving(tmp_path: Path) -> Iterator[Generator]:
    """A load generator to which each name has an address of either family."""
    generator = Generator(tmp_path / "loadgen.log")
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(RESOLVER)
    try:
        assert generator.prepare(locustfile, scenario="Data").problems == {}
        yield generator
    finally:
        generator.end()


def test_an_ipv6_address_is_reached_and_named_with_its_brackets(generator: Generator) -> None:
    with serve(answering(OK), "::1") as server:
        done = generator.run(f"http://[::1]:{server.port}")
    assert done.load.error_kinds == {}
    assert done.load.requests > 0
    assert server.connections == generator.tries
    assert f"\r\nHost: [::1]:{server.port}\r\n".encode() in server.requests[0][1]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_name_with_addresses_of_both_families_is_reached_at_the_one_that_listens(
    resolving: Generator, host: str
) -> None:
    with serve(answering(OK), host) as server:
        done = resolving.run_round(f"http://both.test:{server.port}")
    assert done.load.error_kinds == {}
    assert done.load.requests > 0
    assert server.connections == resolving.tries


def test_a_name_of_which_no_address_listens_is_refused(resolving: Generator) -> None:
    with serve(answering(OK)) as server:
        pass
    done = resolving.run_round(f"http://both.test:{server.port}")
    assert set(done.load.error_kinds) == {"connection refused"}


def test_a_name_is_resolved_once_for_all_connections_of_a_user(resolving: Generator) -> None:
    with serve(answering_once(OK)) as server:
        done = resolving.run_round(f"http://both.test:{server.port}", users=2)
    assert done.load.reconnects > 10
    assert resolving.log.count("resolved both.test") == 2


def test_a_name_is_resolved_again_after_its_address_failed(resolving: Generator) -> None:
    def answer_and_stop_listening(peer: Peer) -> None:
        answering_once(OK)(peer)
        peer.stop_listening()

    with serve(answer_and_stop_listening) as server:
        done = resolving.run_round(f"http://both.test:{server.port}", window_s=0.5)
    assert set(done.load.error_kinds) == {"connection refused"}
    assert server.connections == resolving.tries
    # Once for the connection that was made; not for the next, to the address known by then; then each time.
    assert resolving.log.count("resolved") >= done.load.error_kinds["connection refused"] >= 2
