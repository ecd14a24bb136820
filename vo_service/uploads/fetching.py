"""Tables behind addresses: fetched within limits, and only from the public internet."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from vo_service.uploads.addresses import is_public, resolve_host
from vo_service.uploads.errors import FetchFailed, UploadExceeded
from vo_service.uploads.sources import FULL_DISK, limit_words

__all__ = ["FetchLimits", "TableFetcher"]

_PORTS = {"http": 80, "https": 443}

_REDIRECTS = (301, 302, 303, 307, 308)

_REDIRECTS_MAX = 5
"""Longer chains are loops or trackers; the archives of the VO use one or two."""

_PIECE_BYTES = 65_536

_IDLE_S = 20.0
"""A server that sends nothing for so long has stopped."""

_SAFE = "/:?&=%+,;@!$'()*~#[]-._"
"""Characters of a path or a query that stay as they are (RFC 3986, section 2)."""


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What a table behind an address may cost.

    Attributes
    ----------
    size_bytes
        Its size as it is sent.
    timeout_s
        Time for all of it, redirects included.
    private_addresses
        Whether it may come from internal networks; for tests and closed installations.
    """

    size_bytes: int
    timeout_s: float
    private_addresses: bool = False


@dataclass(frozen=True, slots=True)
class TableFetcher:
    """Fetches tables.

    Attributes
    ----------
    limits
        Of one table.
    user_agent
        What the service calls itself.
    resolve
        Gives the addresses of a host and a port.
    tls
        Makes the context of encrypted connections.

    Notes
    -----
    A name is resolved once, and the connection goes to the address that was checked: a second
    answer of the name server changes nothing. Proxies of the environment are not used.
    """

    limits: FetchLimits
    user_agent: str = "pzvo (IVOA-TAP)"
    resolve: Callable[[str, int], Sequence[str]] = resolve_host
    tls: Callable[[], ssl.SSLContext] = field(default=ssl.create_default_context)

    def fetch(self, name: str, url: str, target: Path) -> None:
        """Fetch a table into a file.

        Parameters
        ----------
        name
            Of the upload, for messages.
        url
            Where it is.
        target
            File that is written.

        Raises
        ------
        FetchFailed
            If the address may not be used, or does not answer with a file in time.
        UploadExceeded
            If it is too large; nothing more of it is read.
        OSError
            If the file cannot be written.
        """
        deadline = time.monotonic() + self.limits.timeout_s
        for _ in range(_REDIRECTS_MAX + 1):
            moved = self._visit(name, url, target, deadline)
            if moved is None:
                return
            url = urljoin(url, moved)
        raise FetchFailed(name, f"its address was redirected more than {_REDIRECTS_MAX} times")

    def _visit(self, name: str, url: str, target: Path, deadline: float) -> str | None:
        """Ask an address; give the next one, or nothing once the file is written."""
        parts = _checked(name, url)
        connection = self._connection(name, parts, deadline)
        # Limits of single reads do not stop a server that sends a byte now and then.
        alarm = threading.Timer(max(0.0, deadline - time.monotonic()), connection.break_off)
        alarm.daemon = True
        alarm.start()
        try:
            moved = self._ask(name, parts, connection, target)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if isinstance(error, OSError) and error.errno in FULL_DISK:
                raise
            self._left_s(name, deadline)
            raise FetchFailed(name, _trouble(parts, error)) from error
        finally:
            alarm.cancel()
            connection.close()
        # A connection that was broken off can look like the end of a file.
        self._left_s(name, deadline)
        return moved

    def _ask(self, name: str, parts: SplitResult, connection: _Pinned, target: Path) -> str | None:
        connection.request("GET", _resource(parts), headers=self._headers())
        with connection.getresponse() as response:
            if response.status in _REDIRECTS:
                location = response.headers.get("Location")
                if not location:
                    raise FetchFailed(name, f"{_shown(parts)} redirects to nowhere")
                return location
            if response.status != 200:
                reason = f"{_shown(parts)} answered {response.status} {response.reason[:100]}"
                raise FetchFailed(name, reason)
            self._save(name, parts, response, target)
        return None

    def _headers(self) -> dict[str, str]:
        return {
            "Accept": "application/x-votable+xml, */*;q=0.8",
            "Accept-Encoding": "identity",
            "Connection": "close",
            "User-Agent": self.user_agent,
        }

    def _connection(self, name: str, parts: SplitResult, deadline: float) -> _Pinned:
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        try:
            found = self.resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise FetchFailed(name, f"the host {host!r} is not known") from error
        allowed = [a for a in found if self.limits.private_addresses or is_public(a)]
        if not allowed:
            raise FetchFailed(
                name,
                f"the host {host!r} is in an internal network, from which this service fetches"
                " nothing; send the file with the request",
            )
        timeout_s = min(_IDLE_S, self._left_s(name, deadline))
        tls = self.tls() if parts.scheme == "https" else None
        return _Pinned(host, port, timeout_s, addresses=allowed, tls=tls)

    def _save(
        self,
        name: str,
        parts: SplitResult,
        response: http.client.HTTPResponse,
        target: Path,
    ) -> None:
        size = 0
        with target.open("wb") as file:
            while piece := response.read1(_PIECE_BYTES):
                size += len(piece)
                if size > self.limits.size_bytes:
                    raise UploadExceeded(name, limit_words(self.limits.size_bytes))
                file.write(piece)
        if response.length:
            raise FetchFailed(name, f"{_shown(parts)} broke off after {size} bytes")

    def _left_s(self, name: str, deadline: float) -> float:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise FetchFailed(
                name,
                f"its address did not send it within {self.limits.timeout_s:g} s; send fewer rows",
            )
        return left_s


class _Pinned(http.client.HTTPConnection):
    """A connection to addresses that have been checked, whatever the name means now.

    With TLS the certificate must be for the name.
    """

    def __init__(
        self,
        host: str,
        port: int,
        timeout_s: float,
        *,
        addresses: Sequence[str],
        tls: ssl.SSLContext | None,
    ) -> None:
        super().__init__(host, port, timeout=timeout_s)
        self._addresses = addresses
        self._timeout_s = timeout_s
        self._tls = tls
        # Tells http.client which port needs no mention.
        self.default_port = _PORTS["http" if tls is None else "https"]
        self._opened: socket.socket | None = None

    def connect(self) -> None:
        self.sock = self._opened = _connect(self._addresses, self._timeout_s, self.port)
        if self._tls is not None:
            self.sock = self._opened = self._tls.wrap_socket(self.sock, server_hostname=self.host)

    def break_off(self) -> None:
        """Let whoever reads see the end, from another thread."""
        if self._opened is not None:
            with contextlib.suppress(OSError):
                # TLS would first want to say goodbye.
                socket.socket.shutdown(self._opened, socket.SHUT_RDWR)


def _connect(addresses: Sequence[str], timeout_s: float, port: int) -> socket.socket:
    *others, last = addresses
    for address in others:
        try:
            return socket.create_connection((address, port), timeout_s / len(addresses))
        except OSError:
            continue
    return socket.create_connection((last, port), timeout_s)


def _checked(name: str, url: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise FetchFailed(name, f"its address is not valid ({error})") from error
    if parts.scheme not in _PORTS:
        raise FetchFailed(
            name, f"the scheme {parts.scheme[:20]}: is not accepted; give an http or https address"
        )
    if not host:
        raise FetchFailed(name, "its address names no host")
    if parts.username is not None or parts.password is not None:
        raise FetchFailed(name, "its address has a user name; give a public one")
    return parts


def _resource(parts: SplitResult) -> str:
    path = quote(parts.path or "/", safe=_SAFE)
    return f"{path}?{quote(parts.query, safe=_SAFE)}" if parts.query else path


def _shown(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc}{parts.path}"[:200]


def _trouble(parts: SplitResult, error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of {parts.hostname} is not valid ({error.verify_message})"
    if isinstance(error, TimeoutError):
        return f"{_shown(parts)} did not answer in time"
    reason = getattr(error, "strerror", None) or type(error).__name__
    return f"{_shown(parts)} cannot be read ({reason})"
