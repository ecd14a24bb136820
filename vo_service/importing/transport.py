"""Requests to a Photo-z Server: repeated, bounded, and to no other host."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from registry.durability import disk_errors
from vo_service.importing.errors import ImportRefused, SourceRefused, SourceUnreachable

__all__ = ["SourceTransport"]

_AGAIN = frozenset({429, 502, 503, 504})
"""What a server answers that is busy or being restarted (RFC 9110 section 15, RFC 6585)."""

_DOCUMENT_BYTES = 64 * 2**20
"""Largest page of a list: a page has 100 rows, and descriptions of a few kilobytes."""

_PIECE_BYTES = 65_536
"""What is lost at most of a download that breaks off."""

_PAUSE_MAX_S = 60.0

_REDIRECTS_MAX = 5

_SHOWN = 300
"""Characters of an error of the server that are repeated."""


@dataclass(frozen=True, slots=True)
class _TokenAuth:
    """Shows the token; a callable, because `requests` would ask ``.netrc`` without one."""

    token: str

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Token {self.token}"
        return request


class SourceTransport:
    """Asks one server.

    Parameters
    ----------
    url
        Root of its API, such as ``https://pzserver.linea.org.br/api/``.
    token
        Access token of somebody who may see what is to be copied.
    timeout_s
        After which a silent server is given up.
    attempts
        How often the same is asked for, if the server is busy or the connection breaks.
    pause_s
        Before the second attempt; doubled before each further one.

    Raises
    ------
    ImportRefused
        If the URL is none, or carries credentials.

    Notes
    -----
    Of addresses in the server's answers only path and query are used: neither the token nor a
    request goes to a host that the operator did not name.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout_s: float = 60.0,
        attempts: int = 5,
        pause_s: float = 1.0,
    ) -> None:
        parts = urlsplit(url.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ImportRefused(f"{url!r} is no address; give that of the API, https://.../api/")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ImportRefused("the address of the API has a password or a query; leave it out")
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise ImportRefused("the token is empty or has characters that no token has")
        self.url = parts.geturl().rstrip("/") + "/"
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._session = requests.Session()
        self._session.auth = _TokenAuth(token)
        self._session.headers.update({"Accept": "application/json", "Accept-Encoding": "identity"})
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._pause_s = pause_s

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def document(
        self, method: str, path: str, parameters: Mapping[str, str | int] | None = None
    ) -> Any:  # noqa: ANN401 - JSON
        """Ask for a document.

        Parameters
        ----------
        method
            GET or POST.
        path
            Below the root of the API.
        parameters
            Of the query.

        Raises
        ------
        SourceUnreachable
            If no attempt got an answer.
        SourceRefused
            If the server refuses, or answers with something else than JSON.
        """

        def ask() -> Any:  # noqa: ANN401 - JSON
            with closing(self._send(method, self.url + path, parameters, {})) as answer:
                return _json(answer, path)

        return self._repeated(ask)

    def download(
        self,
        url: str,
        target: Path,
        *,
        most_bytes: int,
        report: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> None:
        """Write a file; what an earlier attempt wrote of it is kept and continued.

        Parameters
        ----------
        url
            Absolute, or relative to the root of the API.
        target
            File that is written, with a companion that remembers which edition it is of.
        most_bytes
            Size of the file at most.
        report
            Is told the bytes that are there, and all (0 if the server does not say).

        Raises
        ------
        SourceUnreachable
            If the connection broke too often; the part stays for the next time.
        SourceRefused
            If the server refuses, or the file is too large or keeps changing.
        StorageFull
            If the disk is full.
        """
        parts = urlsplit(urljoin(self.url, url))
        address = self._origin + parts.path + (f"?{parts.query}" if parts.query else "")

        def ask() -> None:
            self._continue(address, target, most_bytes, report)

        self._repeated(ask)

    def _continue(
        self, address: str, target: Path, most_bytes: int, report: Callable[[int, int], None]
    ) -> None:
        edition = target.with_name(f"{target.name}.etag")
        known = edition.read_text("utf-8") if edition.exists() else ""
        start = target.stat().st_size if known and target.exists() else 0
        headers = {"Accept": "*/*"}
        if start:
            headers |= {"Range": f"bytes={start}-", "If-Range": known}
        with closing(self._send("GET", address, None, headers, good=(200, 206, 416))) as answer:
            if answer.status_code == 416:
                if start and answer.headers.get("Content-Range") == f"bytes */{start}":
                    return
                target.unlink(missing_ok=True)
                edition.unlink(missing_ok=True)
                raise _BrokenOff("the file has changed meanwhile")
            start = _first_byte(answer)
            total = start + int(answer.headers.get("Content-Length") or 0)
            if total > most_bytes:
                raise SourceRefused(f"the file has {total} bytes; the limit is {most_bytes}")
            with disk_errors():
                edition.write_text(answer.headers.get("ETag", ""), "utf-8")
                with target.open("r+b" if start else "wb") as file:
                    file.seek(start)
                    file.truncate()
                    for piece in answer.iter_content(_PIECE_BYTES):
                        file.write(piece)
                        if file.tell() > most_bytes:
                            raise SourceRefused(f"the file passes the limit of {most_bytes} bytes")
                        report(file.tell(), total if total > start else 0)
                    written = file.tell()
        if total > start and written != total:
            raise _BrokenOff(f"{written} of {total} bytes came")

    def _repeated(self, ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - what is asked for
        pause_s = self._pause_s
        for attempt in range(1, self._attempts + 1):
            try:
                with _broken_connections():
                    return ask()
            except _BrokenOff as error:
                if attempt == self._attempts:
                    message = f"{self._origin} does not answer: {error}"
                    raise SourceUnreachable(message) from error
                time.sleep(min(_PAUSE_MAX_S, max(pause_s, error.wait_s)))
                pause_s *= 2
        raise AssertionError("the loop returns or raises")

    def _send(
        self,
        method: str,
        url: str,
        parameters: Mapping[str, str | int] | None,
        headers: Mapping[str, str],
        good: tuple[int, ...] = (200, 201, 202),
    ) -> requests.Response:
        for _ in range(_REDIRECTS_MAX):
            answer = self._session.request(
                method,
                url,
                params=parameters,
                headers=headers,
                timeout=self._timeout_s,
                stream=True,
                allow_redirects=False,
            )
            if not answer.is_redirect:
                return _accepted(answer, good)
            answer.close()
            wanted = urljoin(url, answer.headers["Location"])
            # A host that moves from http to https is the same one.
            if urlsplit(wanted).hostname != urlsplit(url).hostname or (
                urlsplit(url).scheme == "https" and urlsplit(wanted).scheme != "https"
            ):
                raise SourceRefused(f"the server sends us to {wanted[:_SHOWN]!r}; name that one")
            url, parameters = wanted, None
        raise SourceRefused(f"{url[:_SHOWN]!r} is redirected in a circle")


class _BrokenOff(Exception):
    """Something that may work at another attempt."""

    def __init__(self, message: str, wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.wait_s = wait_s


@contextmanager
def _broken_connections() -> Iterator[None]:
    try:
        yield
    except (
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
    ) as error:
        raise _BrokenOff(type(error).__name__) from error
    except requests.RequestException as error:
        raise SourceRefused(f"the server cannot be asked: {error}") from error


def _accepted(answer: requests.Response, good: tuple[int, ...]) -> requests.Response:
    status = answer.status_code
    if status in good:
        return answer
    with closing(answer):
        text = next(answer.iter_content(_SHOWN), b"").decode("utf-8", "replace").strip()
    if status in _AGAIN:
        wait = answer.headers.get("Retry-After", "")
        raise _BrokenOff(f"status {status}", float(wait) if wait.isdigit() else 0.0)
    shown = text if not text.startswith("<") else answer.reason
    message = f"{urlsplit(answer.url).path} is answered with {status}: {shown[:_SHOWN]}"
    raise SourceRefused(message, status)


def _json(answer: requests.Response, path: str) -> Any:  # noqa: ANN401 - JSON
    text = bytearray()
    for piece in answer.iter_content(_PIECE_BYTES):
        text += piece
        if len(text) > _DOCUMENT_BYTES:
            raise SourceRefused(f"{path} is answered with more than {_DOCUMENT_BYTES} bytes")
    try:
        return json.loads(text)
    except ValueError as error:
        message = f"{path} is not answered with JSON; is this the API of a Photo-z Server?"
        raise SourceRefused(message) from error


def _first_byte(answer: requests.Response) -> int:
    if answer.status_code != 206:
        return 0
    part = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    if not part.isdigit():
        raise SourceRefused("a part of a file came that does not say which")
    return int(part)
