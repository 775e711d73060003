"""The line that the chaos cuts: it carries what it is given, and nothing while it is cut."""

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.chaos.line import Line
from tests.stack import free_port

TIMEOUT_S = 10.0


@pytest.fixture
def echo_port() -> Iterator[int]:
    """A server that says what it hears."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    while heard := connection.recv(100):
                        connection.sendall(heard)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(TIMEOUT_S)


def test_a_line_carries_both_ways_breaks_off_when_it_is_cut_and_carries_again_when_mended(echo_port: int) -> None:
    port = free_port()
    line = Line(port, echo_port)
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
        connection.sendall(b"before")
        assert connection.recv(100) == b"before"
        line.cut()
        assert connection.recv(100) == b"", "nothing more comes"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
    line.mend()
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
        connection.sendall(b"after")
        assert connection.recv(100) == b"after"
    line.close()
