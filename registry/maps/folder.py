"""Where the maps of catalogues are kept: a folder for each version of a table.

Under the home folder, ``maps/<relation>/`` holds the files of one version and ``map.json``, which
says what they are. They can be made again from the table at any time: that a version is no longer
current is reason enough to remove them.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from registry.durability import disk_errors

__all__ = ["FILES", "MapFacts", "MapFolder"]

FILES = {".fits": "image/fits", ".healpix.fits": "application/fits", ".png": "image/png"}
"""Media types by the ending behind the kind: the image, its cells, and a picture of it."""

_FACTS = "map.json"
_NEW = ".new-"


@dataclass(frozen=True, slots=True)
class MapFacts:
    """What is known of the maps of one version.

    Attributes
    ----------
    kinds
        Those of `MAP_KINDS` that there are.
    width, height
        Of the images, in pixels.
    cell_deg
        Size of a cell of HEALPix.
    sizes
        Bytes of each file, by its name.
    redshift_ucd
        UCD of the redshifts that were averaged.
    """

    kinds: tuple[str, ...]
    width: int
    height: int
    cell_deg: float
    sizes: Mapping[str, int]
    redshift_ucd: str | None = None


class MapFolder:
    """Keeps maps.

    Parameters
    ----------
    home
        Home folder of the installation.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / "maps"
        self._known: dict[str, MapFacts] = {}
        self._lock = threading.Lock()

    def names(self) -> set[str]:
        """List the versions that have maps, by their relations."""
        try:
            return {e.name for e in os.scandir(self._folder) if not e.name.startswith(".")}
        except FileNotFoundError:
            return set()

    def facts(self, relation: str) -> MapFacts | None:
        """Say what maps a version has, if it has some."""
        known = self._known.get(relation)
        if known is None:
            try:
                said = json.loads((self._folder / relation / _FACTS).read_text())
            except (OSError, ValueError):
                return None
            known = MapFacts(**{**said, "kinds": tuple(said["kinds"])})
            with self._lock:
                self._known[relation] = known
        return known

    def path(self, relation: str, name: str) -> Path | None:
        """Find a file by its name; none where there is no such map."""
        facts = self.facts(relation)
        if facts is None or name not in facts.sizes:
            return None
        return self._folder / relation / name

    def keep(self, relation: str, facts: MapFacts, files: Mapping[str, bytes]) -> None:
        """Keep the maps of a version, all at once.

        Raises
        ------
        StorageFull
            If the disk is full; nothing is kept.
        """
        new = self._folder / f"{_NEW}{relation}"
        shutil.rmtree(new, ignore_errors=True)
        try:
            with disk_errors():
                new.mkdir(parents=True)
                for name, content in files.items():
                    (new / name).write_bytes(content)
                (new / _FACTS).write_text(json.dumps(asdict(facts)))
                new.rename(self._folder / relation)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise

    def remove(self, relation: str) -> None:
        """Remove the maps of a version."""
        with self._lock:
            self._known.pop(relation, None)
        shutil.rmtree(self._folder / relation, ignore_errors=True)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Say whether this process may make maps: one does at a time."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
