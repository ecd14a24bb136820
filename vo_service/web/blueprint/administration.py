"""What operators do in the browser: people, releases, and a look at jobs and disk."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Response, request
from flask_babel import gettext

from registry.accounts.service import AccountService
from registry.errors import AccountRejected, GroupNotFound, NotAllowed, ReleaseRejected
from registry.model.principal import Principal
from registry.model.product import ProductStatus
from registry.products.service import ProductService
from registry.releases import ReleaseService
from registry.stores.metadata.selection import ProductFilter
from uws.store.base import JobQuery, JobStore
from vo_service.web.shell import Shell

__all__ = ["AdministrationViews"]

_ROLES = ("coordinator", "operator")

_EVERY = ProductFilter(limit=1)


@dataclass(frozen=True, slots=True)
class AdministrationViews:
    """Views for operators.

    Attributes
    ----------
    home
        Folder of the installation, whose disk is looked at.
    """

    accounts: AccountService
    releases: ReleaseService
    products: ProductService
    jobs: JobStore
    home: Path
    shell: Shell

    def install(self, blueprint: Blueprint) -> None:
        """Add the routes."""
        blueprint.get("/admin")(self.show_administration)
        blueprint.post("/admin/users")(self.add_account)
        blueprint.post("/admin/users/<name>")(self.change_account)
        blueprint.post("/admin/releases")(self.add_release)
        blueprint.post("/admin/releases/<path:name>")(self.change_release)

    def show_administration(self) -> Response:
        """Show people, releases, products, jobs and disk."""
        return self._page(self._operator())

    def add_account(self) -> Response:
        """Make an account."""
        principal = self._operator()
        sent = request.form
        try:
            self.accounts.add_user(
                sent.get("name", ""),
                display_name=sent.get("display_name", ""),
                email=sent.get("email", ""),
                password=sent.get("password") or None,
            )
        except AccountRejected as error:
            # The name is called otherwise in the API.
            field = error.field if error.field in sent else "name"
            return self._page(principal, {field: self.shell.sentence(error)})
        return self.shell.see("/admin")

    def change_account(self, name: str) -> Response:
        """Set the roles of a person, and whether the account may be used."""
        principal = self._operator()
        if name == principal.user:
            sentence = gettext("Somebody else has to change your own role.")
            return self._page(principal, {"": sentence})
        self.accounts.update_user(name, **{role: role in request.form for role in _ROLES})
        if "active" in request.form:
            self.accounts.activate(name)
        else:
            self.accounts.deactivate(name)
        return self.shell.see("/admin")

    def add_release(self) -> Response:
        """Make a release."""
        principal = self._operator()
        sent = request.form
        try:
            self.releases.add(
                sent.get("release", ""),
                display_name=sent.get("title", ""),
                is_public="is_public" in sent,
                groups=_groups(sent.get("groups", "")),
            )
        except (ReleaseRejected, GroupNotFound) as error:
            return self._page(principal, {"release": self.shell.sentence(error)})
        return self.shell.see("/admin")

    def change_release(self, name: str) -> Response:
        """Say who may see a release, at once."""
        principal = self._operator()
        groups = _groups(request.form.get("groups", ""))
        try:
            self.releases.update(name, is_public="is_public" in request.form, groups=groups)
        except (ReleaseRejected, GroupNotFound) as error:
            return self._page(principal, {"release": self.shell.sentence(error)})
        return self.shell.see("/admin")

    def _operator(self) -> Principal:
        principal = self.shell.member()
        if not principal.operator:
            raise NotAllowed(gettext("This page is for the operators of this server."))
        return principal

    def _page(self, principal: Principal, errors: dict[str, str] | None = None) -> Response:
        counts = self.products.overview.counts(principal, _EVERY, "status")
        phases = Counter(job.phase.value for job in self.jobs.list(JobQuery(everyone=True)))
        return self.shell.render(
            "admin.html",
            422 if errors else 200,
            errors=errors or {},
            sent=request.form if errors else {},
            users=self.accounts.users(),
            groups=self.accounts.groups(),
            releases=self.releases.releases(principal),
            products={ProductStatus(status).name: n for status, n in counts.items()},
            phases=sorted(phases.items()),
            disk=shutil.disk_usage(self.home),
        )


def _groups(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
