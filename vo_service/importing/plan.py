"""What will be copied: whose the products become, and into which releases they go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from registry.accounts.names import folded, user_name
from registry.accounts.service import AccountService
from registry.errors import AccountRejected, AnnotationRejected, ReleaseNotFound, UserNotFound
from registry.model.principal import OPERATOR
from registry.product_types import product_type_named
from registry.releases import ReleaseService
from vo_service.importing.documents import SourceProduct, SourceRelease
from vo_service.importing.errors import ImportRefused
from vo_service.importing.journal import ImportJournal
from vo_service.importing.source import PhotozServer

__all__ = [
    "ImportPlan",
    "ImportPlanner",
    "ImportRequest",
    "PlannedProduct",
    "make_owners",
    "make_releases",
]


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What the operator wants.

    Attributes
    ----------
    owners
        Names here for names of the source.
    other_owner
        Name here of the owner of all other products whose owner has no account here.
    create_owners
        Whether to make accounts for owners who have none; without a password.
    releases
        Names here for names of the source.
    create_releases
        Whether to make releases that are not here.
    products
        Numbers at the source; all by default.
    """

    owners: Mapping[str, str] = field(default_factory=dict)
    other_owner: str | None = None
    create_owners: bool = False
    releases: Mapping[str, str] = field(default_factory=dict)
    create_releases: bool = False
    products: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class PlannedProduct:
    """What happens with a product of the source.

    Attributes
    ----------
    source
        As the source describes it.
    action
        ``copy``, ``continue``, ``skip`` (it is here) or ``refuse``.
    product_type, owner, release
        Here.
    reason
        Why it is refused, or what the operator should know.
    """

    source: SourceProduct
    action: str
    product_type: str = ""
    owner: str = ""
    release: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What happens with all products of the source.

    Attributes
    ----------
    products
        In the order of the source.
    new_owners
        Accounts that will be made.
    new_releases
        Releases that will be made, as the source describes them.
    notes
        What the operator should know.
    """

    products: tuple[PlannedProduct, ...]
    new_owners: tuple[str, ...] = ()
    new_releases: tuple[SourceRelease, ...] = ()
    notes: tuple[str, ...] = ()

    def doing(self, *actions: str) -> list[PlannedProduct]:
        """Give the products with which one of these things happens."""
        return [planned for planned in self.products if planned.action in actions]


class ImportPlanner:
    """Says what would be copied; changes nothing.

    Parameters
    ----------
    source
        The server.
    accounts, releases
        Of this installation.
    journal
        What has been copied.
    request
        What the operator wants.
    """

    def __init__(
        self,
        source: PhotozServer,
        accounts: AccountService,
        releases: ReleaseService,
        journal: ImportJournal,
        request: ImportRequest,
    ) -> None:
        self._source = source
        self._accounts = accounts
        self._releases = releases
        self._journal = journal
        self._request = request
        self._new_owners: dict[str, None] = {}
        self._new_releases: dict[str, SourceRelease] = {}
        self._notes: dict[str, None] = {}

    def plan(self) -> ImportPlan:
        """Read the lists of the server, and decide.

        Raises
        ------
        SourceRefused
            If they cannot be read.
        ImportRefused
            If the request names what does not exist, here or there.
        """
        self._check_request()
        types = self._source.types()
        releases = self._source.releases()
        found = self._source.products()
        wanted = self._request.products
        missing = sorted(wanted - {product.id for product in found})
        if missing:
            raise ImportRefused(
                f"the server shows us no published product {', '.join(map(str, missing))}"
            )
        planned = []
        for product in found:
            if wanted and product.id not in wanted:
                continue
            known = types.get(product.product_type)
            type_name = product.product_type_internal_name or (known.name if known else "")
            planned.append(self._decide(product, type_name, releases))
        return ImportPlan(
            tuple(planned),
            tuple(self._new_owners),
            tuple(self._new_releases.values()),
            tuple(self._notes),
        )

    def _check_request(self) -> None:
        named = {*self._request.owners.values()}
        if self._request.other_owner is not None:
            named.add(self._request.other_owner)
        for name in sorted(named):
            if not self._has_account(name):
                raise ImportRefused(f"there is no account {name!r} here; add it first")
        for name in self._request.releases.values():
            try:
                self._releases.release(OPERATOR, name)
            except ReleaseNotFound as error:
                message = f"there is no release {name!r} here; add it first"
                raise ImportRefused(message) from error

    def _decide(
        self, product: SourceProduct, type_name: str, releases: Mapping[int, SourceRelease]
    ) -> PlannedProduct:
        entry = self._journal.entry(product.id)
        if entry is not None and entry.done:
            changed = entry.updated != product.updated_at
            reason = "changed at the source since it was copied" if changed else ""
            return PlannedProduct(product, "skip", type_name, reason=reason)
        try:
            known = product_type_named(type_name or str(product.product_type)).name
        except AnnotationRejected as error:
            return PlannedProduct(product, "refuse", type_name, reason=str(error))
        owner = self._owner(product.uploaded_by or "")
        if owner is None:
            reason = f"its owner {product.uploaded_by!r} has no account here"
            return PlannedProduct(product, "refuse", known, reason=reason)
        release = None
        if product.release is not None:
            # Without its release a product would be open to more people than it was.
            described = releases.get(product.release)
            if described is None:
                reason = "the server does not show us its release"
                return PlannedProduct(product, "refuse", known, owner, reason=reason)
            release = self._release(described)
            if release is None:
                reason = f"its release {described.name!r} is not here"
                return PlannedProduct(product, "refuse", known, owner, reason=reason)
        action = "copy" if entry is None else "continue"
        return PlannedProduct(product, action, known, owner, release)

    def _owner(self, name: str) -> str | None:
        mapped = self._request.owners.get(name)
        if mapped is not None:
            return mapped.lower()
        if name and self._has_account(name):
            return folded(name)
        if self._request.create_owners and _is_possible(name):
            self._new_owners[folded(name)] = None
            return folded(name)
        other = self._request.other_owner
        return None if other is None else other.lower()

    def _has_account(self, name: str) -> bool:
        try:
            self._accounts.user(name)
        except UserNotFound:
            return False
        return True

    def _release(self, described: SourceRelease) -> str | None:
        wanted = self._request.releases.get(described.name, described.name)
        try:
            here = self._releases.release(OPERATOR, wanted)
        except ReleaseNotFound:
            if not self._request.create_releases:
                return None
            self._new_releases[described.name] = described
            return described.name
        narrower = described.access_groups and not described.is_public
        if here.is_public or (narrower and not here.groups):
            self._notes[
                f"release {here.name!r} is open to more people here than {described.name!r} is at "
                "the source"
            ] = None
        return here.name


def _is_possible(name: str) -> bool:
    try:
        user_name(name)
    except AccountRejected:
        return False
    return True


def make_owners(accounts: AccountService, names: Iterable[str]) -> None:
    """Make accounts, without a password.

    Raises
    ------
    AccountRejected
        If a name is not possible.
    """
    for name in names:
        accounts.add_user(name)


def make_releases(
    releases: ReleaseService,
    accounts: AccountService,
    described: Iterable[SourceRelease],
    report: Callable[[str], None],
) -> None:
    """Make releases that are open to no more people than at the source.

    Parameters
    ----------
    releases, accounts
        Of this installation.
    described
        As the source describes them.
    report
        Is told which groups got no members.

    Raises
    ------
    ReleaseRejected, AccountRejected
        If a name is not possible.

    Notes
    -----
    A public release of the Photo-z Server is for everybody who is logged in, which is what a
    release without groups is here. Its groups have numbers alone: a group of the same purpose is
    made, to which the operator adds the members.
    """
    existing = {group.name for group in accounts.groups()}
    for release in described:
        groups: list[str] = []
        if release.access_groups and not release.is_public:
            names = [each for each in release.access_groups if isinstance(each, str)]
            groups = names or [f"release-{release.name}"]
        for name in groups:
            if name not in existing:
                accounts.add_group(name, description=f"May see release {release.name}.")
                existing.add(name)
                report(f"group {name!r} was made for release {release.name!r}: add its members")
        releases.add(
            release.name,
            groups=groups,
            display_name=release.display_name,
            description=release.description,
            indexing_column=release.indexing_column,
            has_mag_hats=release.has_mag_hats,
            has_flux_hats=release.has_flux_hats,
            dereddening=release.dereddening,
            fluxes=release.fluxes,
            is_public=False,
        )
