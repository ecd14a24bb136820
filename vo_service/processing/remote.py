"""Jobs of pipelines at a server, over UWS."""

from __future__ import annotations

import json
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.configuration import load_document
from pipelines.errors import ConfigurationRejected, PipelineFailed
from pipelines.specification import PipelineSpecification

__all__ = ["RemoteJob", "RemoteServer"]

_UWS = "{http://www.ivoa.net/xml/UWS/v1.0}"

_TIMEOUT_S = 60.0

_WAIT_S = 20
"""Seconds for which the server may hold back an answer until something changes."""

_OVER = ("COMPLETED", "ERROR", "ABORTED")


@dataclass(frozen=True, slots=True)
class RemoteJob:
    """A job at a server.

    Attributes
    ----------
    url
        Of the job.
    phase
        In which it is.
    message
        Why it came to nothing.
    product
        What it made: ``internal_name``, ``table``, ``url``, ``rows``.
    """

    url: str
    phase: str
    message: str | None = None
    product: Mapping[str, Any] | None = None


class RemoteServer:
    """A server that runs pipelines.

    Parameters
    ----------
    url
        Base of the server.
    token
        Of the user.
    """

    def __init__(self, url: str, token: str) -> None:
        import requests

        self._url = url.rstrip("/")
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def submit(
        self, specification: PipelineSpecification, configuration: Path, name: str
    ) -> RemoteJob:
        """Make a job of a configuration and queue it.

        Parameters
        ----------
        specification
            Of the pipeline.
        configuration
            YAML; its inputs are products of the server, by ``internal_name`` or id.
        name
            Of the product that is made.

        Raises
        ------
        ConfigurationRejected
            If the configuration cannot be read.
        PipelineFailed
            If the server refuses the job, or cannot be reached.
        """
        document = load_document(configuration)
        param = dict(document.get("param") or {})
        parts: list[tuple[str, Any]] = []
        for key in specification.file_parameters:
            value = param.pop(key, None)
            if value is not None:
                parts.append((key, self._file(configuration.parent / str(value), key)))
        parts += [("NAME", (None, name)), ("PHASE", (None, "RUN"))]
        parts += [(key, (None, _text(value))) for key, value in param.items()]
        if document.get("output_format"):
            parts.append(("OUTPUT_FORMAT", (None, str(document["output_format"]))))
        for number, group in enumerate(specification.inputs):
            key = "INPUTS" if number == 0 else group.name
            parts += [(key, (None, each)) for each in _references(document, group.name)]
        address = f"{self._url}/pipelines/{specification.name}/async"
        answer = self._asked("POST", address, files=parts)
        if answer.status_code != 303:
            raise PipelineFailed(_refusal(answer))
        return self.job(answer.headers["Location"])

    def job(self, url: str, *, wait: bool = False) -> RemoteJob:
        """Read a job.

        Parameters
        ----------
        url
            Of the job.
        wait
            Whether the server may hold the answer back until the job changes.

        Raises
        ------
        PipelineFailed
            If the server cannot be reached, or does not show the job.
        """
        if not url.startswith(f"{self._url}/"):
            raise PipelineFailed(
                f"the server sends to {url!r}, which is not below {self._url!r}; give its public "
                "address as --server"
            )
        answer = self._asked("GET", url, params={"WAIT": str(_WAIT_S)} if wait else None)
        if answer.status_code != 200:
            raise PipelineFailed(_refusal(answer))
        try:
            root = ET.fromstring(answer.content)  # noqa: S314 - from the server that the user names
        except ET.ParseError as error:
            raise PipelineFailed(f"{url} is no job of a UWS server") from error
        phase = root.findtext(f"{_UWS}phase") or "UNKNOWN"
        message = root.findtext(f"{_UWS}errorSummary/{_UWS}message")
        return RemoteJob(url, phase, message, self._product(url) if phase == "COMPLETED" else None)

    def wait(self, job: RemoteJob, told: Callable[[str], object]) -> RemoteJob:
        """Read a job until it is over; raises as `job`."""
        while job.phase not in _OVER:
            told(job.phase)
            started = time.monotonic()
            job = self.job(job.url, wait=True)
            if job.phase not in _OVER and time.monotonic() - started < 1:
                time.sleep(1)
        return job

    def _product(self, url: str) -> Mapping[str, Any] | None:
        answer = self._asked("GET", f"{url}/results/product")
        made = answer.json() if answer.status_code == 200 else None
        return made if isinstance(made, dict) else None

    def _asked(self, method: str, url: str, **more: Any) -> Any:  # noqa: ANN401 - of an untyped library
        import requests

        try:
            # The token must not follow to another host.
            return self._session.request(
                method, url, timeout=_TIMEOUT_S, allow_redirects=False, **more
            )
        except requests.RequestException as error:
            raise PipelineFailed(f"{url} cannot be reached: {error}") from error

    @staticmethod
    def _file(path: Path, key: str) -> tuple[str, bytes]:
        try:
            return path.name, path.read_bytes()
        except OSError as error:
            reason = f"param.{key}: {str(path)!r} cannot be read: {error.strerror}"
            raise ConfigurationRejected([reason]) from error


def _references(document: Mapping[str, Any], group: str) -> list[str]:
    inputs = document.get("inputs")
    given = inputs.get(group, []) if isinstance(inputs, Mapping) else []
    entries = given if isinstance(given, list) else [given]
    found = []
    for number, entry in enumerate(entries):
        reference = entry.get("internal_name") if isinstance(entry, Mapping) else entry
        if not isinstance(reference, str | int):
            place = f"inputs.{group}[{number}]"
            raise ConfigurationRejected([f"{place}: give the internal_name of a product"])
        found.append(str(reference))
    return found


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _refusal(answer: Any) -> str:  # noqa: ANN401 - of an untyped library
    return f"the server says {answer.status_code}: {answer.text.strip()[:2000]}"
