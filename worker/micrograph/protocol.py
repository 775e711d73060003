"""The messages between the decoding process and the one that waits for it: JSON with a length before it, then bare pixels.

No pickle: whatever a hostile file might make of the decoding process, it can send back numbers and texts only.
"""

import json
import socket
import struct
from collections.abc import Mapping
from typing import Any

LENGTH = struct.Struct(">I")
# A message holds a path or an error text; anything longer is not one of ours.
MAX_MESSAGE_BYTES = 1 << 20


class ChannelClosedError(Exception):
    """The other side is gone, or speaks something else."""


def send_message(channel: socket.socket, message: Mapping[str, Any]) -> None:
    """Send one JSON object; raises ChannelClosedError."""
    body = json.dumps(message).encode()
    send_bytes(channel, memoryview(LENGTH.pack(len(body)) + body))


def send_bytes(channel: socket.socket, data: memoryview) -> None:
    """Send bare bytes; raises ChannelClosedError."""
    try:
        channel.sendall(data)
    except TimeoutError:
        raise
    except OSError as error:
        raise ChannelClosedError(str(error)) from error


def receive_message(channel: socket.socket) -> dict[str, Any]:
    """Wait for one JSON object; raises ChannelClosedError, and TimeoutError where the channel has a time-out."""
    start = bytearray(LENGTH.size)
    receive_into(channel, memoryview(start))
    (length,) = LENGTH.unpack(start)
    if length > MAX_MESSAGE_BYTES:
        raise ChannelClosedError(f"a message of {length} bytes was announced")
    body = bytearray(length)
    receive_into(channel, memoryview(body))
    try:
        message = json.loads(body)
    except ValueError as error:
        raise ChannelClosedError("a message was not JSON") from error
    if not isinstance(message, dict):
        raise ChannelClosedError("a message was not an object")
    return message


def receive_into(channel: socket.socket, room: memoryview) -> None:
    """Fill ``room`` with bare bytes; raises as `receive_message` does."""
    while len(room):
        try:
            count = channel.recv_into(room)
        except TimeoutError:
            raise
        except OSError as error:
            raise ChannelClosedError(str(error)) from error
        if count == 0:
            raise ChannelClosedError("the other side closed the channel")
        room = room[count:]
