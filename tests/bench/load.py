"""Request/response traffic on loopback: a server, and a client with many connections."""

from __future__ import annotations

import os
import select
import socket
import sys
import time

_REQUEST = b"x" * 64


def serve(listener: socket.socket) -> None:
    """Send back whatever comes, on every connection, until the process is ended."""
    poll = select.epoll()
    listener.setblocking(False)
    poll.register(listener, select.EPOLLIN)
    connections: dict[int, socket.socket] = {}
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == listener.fileno():
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connections[connection.fileno()] = connection
                poll.register(connection, select.EPOLLIN)
            elif data := _read(descriptor):
                os.write(descriptor, data)
            else:
                connections.pop(descriptor).close()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except ConnectionResetError:
        return b""


def request(port: int, connections: int, seconds: float) -> float:
    """Keep one request under way on each connection; gives requests per second."""
    poll = select.epoll()
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
    for connection in sockets:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(connection, select.EPOLLIN)
        connection.send(_REQUEST)
    answered = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for descriptor, _ in poll.poll(1):
            os.read(descriptor, 4096)
            os.write(descriptor, _REQUEST)
            answered += 1
    return answered / seconds


def main() -> None:
    """Run as a program: CONNECTIONS SECONDS; prints requests per second."""
    connections, seconds = int(sys.argv[1]), float(sys.argv[2])
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    child = os.fork()
    if child == 0:
        serve(listener)
    try:
        print(request(listener.getsockname()[1], connections, seconds))
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
