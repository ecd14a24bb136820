"""A file in memory that a library writes and a generator empties."""

from __future__ import annotations

__all__ = ["Pieces"]


class Pieces:
    """A file that only grows, whose bytes are taken away as they come."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._position = 0

    def write(self, data: bytes) -> int:
        """Keep data until it is taken."""
        piece = bytes(data)
        self._pieces.append(piece)
        self._position += len(piece)
        return len(piece)

    def tell(self) -> int:
        """Give the number of bytes written from the beginning."""
        return self._position

    def flush(self) -> None:
        """Have nothing to flush: pieces are taken from memory."""

    def close(self) -> None:
        """Keep what was written, for the last piece."""

    def taken(self) -> bytes:
        """Take away what was written since the last time."""
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data
