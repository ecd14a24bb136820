"""The HTTP server in a thread of the test, over a small application."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

from vo_service.server.limits import ServerLimits
from vo_service.server.loop import HttpServer


class RunningServer:
    """Serves an application of WSGI on a free port."""

    def __init__(self, folder: Path, application: Callable, **limits) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self.server = HttpServer(
            listener,
            application,
            ServerLimits(spool_folder=folder, **limits),
            ident="test",
            visitor=lambda peer, headers: peer,
            is_proxy=lambda peer: False,
        )
        self._listener = listener
        self._thread = threading.Thread(target=self.server.run, daemon=True)
        self._thread.start()

    def connect(self, receive_bytes: int | None = None) -> socket.socket:
        """Open a connection."""
        connection = socket.socket()
        if receive_bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connection.settimeout(20)
        connection.connect(("127.0.0.1", self.port))
        return connection

    def stop(self) -> None:
        """End the server; running answers end first."""
        self.server.stop()
        self._thread.join(20)
        assert not self._thread.is_alive()
        self._listener.close()
