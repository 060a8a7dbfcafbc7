import os
import socket

import pytest

from portcompare.serve.ports import find_free_ports, is_listened_on_by

HERE = "127.0.0.1"


@pytest.mark.parametrize(
    ("family", "address"),
    [
        (socket.AF_INET, HERE),
        (socket.AF_INET, "0.0.0.0"),  # noqa: S104 - what is to be recognised
        (socket.AF_INET6, "::"),
        (socket.AF_INET6, f"::ffff:{HERE}"),
    ],
)
def test_a_process_that_listens_on_a_port_or_at_all_addresses_is_found(
    family: socket.AddressFamily, address: str
) -> None:
    with socket.socket(family) as server:
        if family == socket.AF_INET6:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.bind((address, 0))
        port = server.getsockname()[1]
        assert not is_listened_on_by([os.getpid()], HERE, port)
        server.listen()
        assert is_listened_on_by([os.getpid()], HERE, port)
        assert not is_listened_on_by([os.getppid()], HERE, port)
        assert not is_listened_on_by([os.getpid()], HERE, port + 1)


def test_a_port_at_another_address_is_another_port_and_a_connection_is_no_listener() -> None:
    with socket.create_server(("127.0.0.2", 0)) as server:
        assert not is_listened_on_by([os.getpid()], HERE, server.getsockname()[1])
    with socket.create_server((HERE, 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert not is_listened_on_by([os.getpid()], HERE, client.getsockname()[1])


def test_free_ports_are_different_and_none_of_those_reserved() -> None:
    found = find_free_ports(HERE, 50)
    assert len(set(found)) == 50
    assert not set(find_free_ports(HERE, 50, besides=found)) & set(found)
