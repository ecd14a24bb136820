"""The HTTP server: processes, in each a loop that looks after connections, and threads.

Parsing requests and writing answers is waitress's; the loop, which waitress has of another kind,
is ours: see ``docs/design/0004-http-server.md``.
"""

from vo_service.server.listening import AddressUnavailable, listen
from vo_service.server.process import SERVER_HEADER, answer

__all__ = ["SERVER_HEADER", "AddressUnavailable", "answer", "listen"]
