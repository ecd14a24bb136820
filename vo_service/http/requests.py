"""Requests whose parameters are UTF-8, or are refused: never read as something else."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any
from urllib.parse import unquote, unquote_to_bytes

from flask import Request
from werkzeug.datastructures import Headers, MultiDict
from werkzeug.exceptions import BadRequest
from werkzeug.formparser import FormDataParser, MultiPartParser
from werkzeug.utils import cached_property

__all__ = ["TextRequest", "utf8_text"]

_LOSSLESS = "iso-8859-1"
"""A character set in which every byte is a character: what was sent can be had back."""

_Parsed = tuple[IO[bytes], MultiDict[str, Any], MultiDict[str, Any]]


class TextRequest(Request):
    """A request whose query string and forms are refused where they are not UTF-8.

    Notes
    -----
    Werkzeug replaces what it cannot read, leaves it percent-encoded, or loses the form, and a
    query would be answered that was not asked.
    """

    @cached_property
    def args(self) -> MultiDict[str, str]:
        """Give the parameters of the query string.

        Raises
        ------
        BadRequest
            If one is not UTF-8.
        """
        _check_encoded(self.query_string)
        return super().args

    def make_form_data_parser(self) -> FormDataParser:
        """Make the parser of the form; see `args` for what it raises."""
        return _FormParser(
            stream_factory=self._get_file_stream,
            max_form_memory_size=self.max_form_memory_size,
            max_content_length=self.max_content_length,
            max_form_parts=self.max_form_parts,
            cls=self.parameter_storage_class,
            silent=False,
        )


class _FormParser(FormDataParser):
    def parse(
        self,
        stream: IO[bytes],
        mimetype: str,
        content_length: int | None,
        options: dict[str, str] | None = None,
    ) -> _Parsed:
        try:
            if mimetype == "multipart/form-data":
                return self._parse_parts(stream, content_length, options or {})
            if mimetype == "application/x-www-form-urlencoded":
                body = stream.read()
                _check_encoded(body)
                stream = BytesIO(body)
            return super().parse(stream, mimetype, content_length, options)
        except ValueError as error:
            msg = "the form cannot be read: it is damaged or incomplete; send it again"
            raise BadRequest(msg) from error

    def _parse_parts(
        self, stream: IO[bytes], content_length: int | None, options: Mapping[str, str]
    ) -> _Parsed:
        parser = _LosslessParser(
            self.stream_factory,
            self.max_form_memory_size,
            self.cls,
            max_form_parts=self.max_form_parts,
        )
        boundary = options.get("boundary", "").encode("ascii")
        if not boundary:
            raise ValueError("no boundary")
        form, files = parser.parse(stream, boundary, content_length)
        fields = [
            (name, utf8_text(name, value.encode(_LOSSLESS)))
            for name, value in form.items(multi=True)
        ]
        return stream, self.cls(fields), files


class _LosslessParser(MultiPartParser):
    def get_part_charset(self, headers: Headers) -> str:  # noqa: ARG002 - of the base class
        return _LOSSLESS


def _check_encoded(pairs: bytes) -> None:
    for pair in pairs.split(b"&"):
        name, _, value = pair.partition(b"=")
        shown = unquote(name.decode("ascii", "replace"))
        utf8_text(shown, unquote_to_bytes(name))
        utf8_text(shown, unquote_to_bytes(value))


def utf8_text(name: str, content: bytes) -> str:
    """Read the value of a parameter.

    Parameters
    ----------
    name
        Of the parameter, for the message.
    content
        Its bytes as they were sent.

    Raises
    ------
    BadRequest
        If they are not UTF-8.
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        msg = (
            f"{name[:64]} is not UTF-8: byte {error.start + 1} is {content[error.start]:02X}; "
            "send text in UTF-8"
        )
        raise BadRequest(msg) from error
