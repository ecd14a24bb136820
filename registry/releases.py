"""Data releases: their records, and the rights that follow from them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from registry.access import AccessPolicy, ReleaseAccess
from registry.errors import ReleaseNotFound, ReleaseRejected
from registry.model.object_catalogue import ObjectCatalogue
from registry.model.principal import Principal
from registry.model.release import Release
from registry.stores.metadata.releases import SqlReleaseStore

__all__ = ["ReleaseService"]

_NAME_LENGTH = 255

_TEXTS = ("display_name", "description", "indexing_column")
_FLAGS = ("has_mag_hats", "has_flux_hats", "is_public")
_CHOICES = ("dereddening", "fluxes")


class ReleaseService:
    """Keeps releases. Whoever holds it may change them: the edge checks rights.

    Parameters
    ----------
    store
        Of the installation.
    anonymous_read
        Whether visitors without an account may read what is public.
    """

    def __init__(self, store: SqlReleaseStore, *, anonymous_read: bool = True) -> None:
        self._store = store
        self._anonymous_read = anonymous_read
        self._lock = threading.Lock()
        self._known: tuple[int, AccessPolicy] | None = None

    def policy(self) -> AccessPolicy:
        """Give the rights of this moment; costs one small read while no release changes."""
        version = self._store.schema_version()
        known = self._known
        if known is not None and known[0] == version:
            return known[1]
        with self._lock:
            if self._known is None or self._known[0] != version:
                access = {
                    release.name: ReleaseAccess(release.name, release.is_public, release.groups)
                    for release in self._store.releases()
                }
                self._known = version, AccessPolicy(self._anonymous_read, access)
            return self._known[1]

    def releases(self, principal: Principal) -> list[Release]:
        """List the releases that a caller may see, by name."""
        policy = self.policy()
        return [
            release
            for release in self._store.releases()
            if policy.may_see_release(principal, release.name)
        ]

    def release(self, principal: Principal, which: str | int) -> Release:
        """Find a release that a caller may see, by its name or number.

        Raises
        ------
        ReleaseNotFound
            If there is none, or it is hidden from the caller.
        """
        for release in self.releases(principal):
            if which in (release.name, release.id):
                return release
        raise ReleaseNotFound.named(which)

    def add(self, name: str, *, groups: Iterable[str] = (), **values: object) -> Release:
        """Make a release.

        Parameters
        ----------
        name
            Also the word by which products name it.
        groups
            Names of the groups that it is open to.
        values
            Of the other attributes of `Release`.

        Raises
        ------
        ReleaseRejected
            If the name is taken, or a value cannot be taken.
        GroupNotFound
            If there is no such group.
        """
        checked = name.strip()
        if not checked or len(checked) > _NAME_LENGTH or not checked.isprintable():
            raise ReleaseRejected("name", f"the release name {name[:200]!r} is not possible")
        row: dict[str, Any] = {
            **dict.fromkeys(_TEXTS, ""),
            **dict.fromkeys((*_CHOICES, "catalogs")),
            "has_mag_hats": False,
            "has_flux_hats": True,
            "is_public": False,
            **_checked(values),
            "name": checked,
        }
        row["display_name"] = row["display_name"] or checked
        return self._store.add(row, groups)

    def update(
        self, name: str, *, groups: Iterable[str] | None = None, **values: object
    ) -> Release:
        """Change a release; who may see its tables changes in the same moment.

        Parameters
        ----------
        name
            Of the release; it stays.
        groups
            Names of all groups that it is open to from now on; by default they stay.
        values
            New values of the other attributes of `Release`.

        Raises
        ------
        ReleaseNotFound, GroupNotFound
            If there is none of this name.
        ReleaseRejected
            If a value cannot be taken.
        """
        return self._store.update(name, _checked(values), groups)

    def remove(self, name: str) -> None:
        """Remove a release that no product is in.

        Raises
        ------
        ReleaseNotFound
            If there is none of this name.
        ReleaseRejected
            If a product is in it.
        """
        self._store.remove(name)


def _checked(values: Mapping[str, object]) -> dict[str, Any]:
    for key, value in values.items():
        if key in _TEXTS:
            good = isinstance(value, str) and (key == "description" or len(value) <= _NAME_LENGTH)
        elif key in _FLAGS:
            good = isinstance(value, bool)
        elif key == "catalogs":
            good = isinstance(value, Sequence) and all(
                isinstance(each, ObjectCatalogue) for each in value
            )
        elif key in _CHOICES:
            good = value is None or _are_choices(value)
        else:
            raise ReleaseRejected(key, f"a release has no {key}")
        if not good:
            raise ReleaseRejected(key, f"{key} of a release cannot be {str(value)[:100]!r}")
    return {key: _plain(value) for key, value in values.items()}


def _plain(value: object) -> object:
    if not isinstance(value, tuple):
        return value
    return [asdict(each) if isinstance(each, ObjectCatalogue) else each for each in value]


def _are_choices(value: object) -> bool:
    return isinstance(value, Sequence) and all(
        isinstance(choice, Mapping) and {"name", "display_name"} <= set(choice) for choice in value
    )
