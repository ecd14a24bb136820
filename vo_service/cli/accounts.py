"""``pzvo user``, ``pzvo group`` and ``pzvo token``: people and how they show who they are."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from vo_service.cli.installation import Installation, pass_installation
from vo_service.cli.listing import print_table

if TYPE_CHECKING:
    from vo_service.assemble import Services

__all__ = ["group_command", "opened_services", "token_command", "user_command"]


@contextlib.contextmanager
def opened_services(installation: Installation) -> Iterator[Services]:
    """Open the services of an installation whose metadata are up to date."""
    from vo_service.assemble import assemble, prepare

    settings = installation.settings()
    prepare(settings)
    with contextlib.closing(assemble(settings)) as services:
        yield services


@click.group("user")
def user_command() -> None:
    """Add, list, show, close and remove accounts."""


@user_command.command("add")
@click.argument("name")
@click.option("--admin", is_flag=True, help="An operator: administers everything.")
@click.option("--coordinator", is_flag=True, help="Administers the official products.")
@click.option("--display-name", default="", help="Name of the person; NAME by default.")
@click.option("--email", default="", help="E-mail address of the person.")
@click.option("--password-stdin", is_flag=True, help="Read a password from standard input.")
@click.option("--password", "ask", is_flag=True, help="Ask for a password at the terminal.")
@pass_installation
def add_user_command(
    installation: Installation,
    name: str,
    *,
    admin: bool,
    coordinator: bool,
    display_name: str,
    email: str,
    password_stdin: bool,
    ask: bool,
) -> None:
    """Make the account NAME.

    Without a password the account works with tokens, and with the login of an institution.
    """
    password = _password(password_stdin) if password_stdin or ask else None
    with opened_services(installation) as services:
        user = services.people.accounts.add_user(
            name,
            display_name=display_name,
            email=email,
            password=password,
            coordinator=coordinator,
            operator=admin,
        )
    click.echo(f"added: {user.name}")


@user_command.command("list")
@pass_installation
def list_users_command(installation: Installation) -> None:
    """List all accounts."""
    with opened_services(installation) as services:
        rows = [
            (
                user.name,
                user.display_name,
                user.email,
                _role(user.operator, user.coordinator),
                "yes" if user.active else "no",
                f"{user.created:%Y-%m-%d %H:%M}",
            )
            for user in services.people.accounts.users()
        ]
    print_table(("user", "name", "e-mail", "role", "active", "created (UTC)"), rows)


@user_command.command("show")
@click.argument("name")
@pass_installation
def show_user_command(installation: Installation, name: str) -> None:
    """Show the account NAME: the person, role, groups and tokens."""
    with opened_services(installation) as services:
        user = services.people.accounts.user(name)
        groups = sorted(services.people.accounts.groups_of(name))
        tokens = services.people.credentials.tokens(name)
    print_table(
        ("what", "value"),
        [
            ("user", user.name),
            ("name", user.display_name),
            ("e-mail", user.email),
            ("role", _role(user.operator, user.coordinator)),
            ("active", "yes" if user.active else "no"),
            ("groups", ", ".join(groups)),
            ("tokens", ", ".join(token.name for token in tokens)),
            ("created (UTC)", f"{user.created:%Y-%m-%d %H:%M}"),
        ],
    )


@user_command.command("password")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read it from standard input.")
@pass_installation
def password_command(installation: Installation, name: str, *, password_stdin: bool) -> None:
    """Give the account NAME a new password; its browsers are logged out."""
    with opened_services(installation) as services:
        services.people.accounts.user(name)
        services.people.accounts.set_password(name, _password(password_stdin))
    click.echo(f"password set: {name}")


@user_command.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice(["member", "coordinator", "operator"]))
@pass_installation
def role_command(installation: Installation, name: str, role: str) -> None:
    """Give the account NAME a role."""
    with opened_services(installation) as services:
        services.people.accounts.update_user(
            name, coordinator=role == "coordinator", operator=role == "operator"
        )
    click.echo(f"{role}: {name}")


@user_command.command("deactivate")
@click.argument("name")
@pass_installation
def deactivate_command(installation: Installation, name: str) -> None:
    """Close the account NAME: tokens and sessions go, its products stay."""
    with opened_services(installation) as services:
        services.people.accounts.deactivate(name)
    click.echo(f"deactivated: {name}")


@user_command.command("activate")
@click.argument("name")
@pass_installation
def activate_command(installation: Installation, name: str) -> None:
    """Open the account NAME again."""
    with opened_services(installation) as services:
        services.people.accounts.activate(name)
    click.echo(f"activated: {name}")


@user_command.command("remove")
@click.argument("name")
@pass_installation
def remove_user_command(installation: Installation, name: str) -> None:
    """Remove the account NAME, which owns no products, tables and jobs any more."""
    from uws.store.base import JobQuery

    with opened_services(installation) as services:
        owner = services.people.accounts.user(name).name
        jobs = services.jobs.service.list(JobQuery(owner=owner))
        if jobs:
            raise click.ClickException(
                f"{owner} has {len(jobs)} jobs, which whoever takes the name later would have;"
                f" `pzvo jobs delete {jobs[0].job_id}` deletes one of them;"
                f" `pzvo user deactivate {owner}` closes the account and keeps them"
            )
        services.people.accounts.remove_user(owner)
    click.echo(f"removed: {owner}")


@click.group("token")
def token_command() -> None:
    """Make, list and revoke access tokens."""


@token_command.command("create")
@click.argument("user")
@click.option("--label", help="Name of the token; the moment by default.")
@click.option("--expires", type=click.IntRange(min=1), metavar="DAYS", help="Days that it lives.")
@pass_installation
def create_token_command(
    installation: Installation, user: str, label: str | None, expires: int | None
) -> None:
    """Make a token of USER and print it, alone on its line; it cannot be shown again."""
    now = datetime.now(UTC)
    until = None if expires is None else now + timedelta(days=expires)
    with opened_services(installation) as services:
        name = label or f"{now:%Y-%m-%d %H:%M:%S.%f}"
        _, secret = services.people.credentials.create_token(user, name, until)
    click.echo(secret)


@token_command.command("list")
@click.argument("user")
@pass_installation
def list_tokens_command(installation: Installation, user: str) -> None:
    """List the tokens of USER, without their secrets."""
    with opened_services(installation) as services:
        rows = [
            (token.name, _moment(token.created), _moment(token.expires), _moment(token.last_used))
            for token in services.people.credentials.tokens(user)
        ]
    print_table(("token", "created (UTC)", "expires", "last used"), rows)


@token_command.command("revoke")
@click.argument("user")
@click.argument("label")
@pass_installation
def revoke_token_command(installation: Installation, user: str, label: str) -> None:
    """Make the token LABEL of USER worthless at once."""
    with opened_services(installation) as services:
        services.people.credentials.revoke_token(user, label)
    click.echo(f"revoked: {label}")


@click.group("group")
def group_command() -> None:
    """Keep groups of people, to which releases are opened."""


@group_command.command("add")
@click.argument("name")
@click.option("--display-name", default="", help="Name for people; NAME by default.")
@click.option("--description", default="", help="What the group is for.")
@pass_installation
def add_group_command(
    installation: Installation, name: str, display_name: str, description: str
) -> None:
    """Make the group NAME."""
    with opened_services(installation) as services:
        group = services.people.accounts.add_group(name, display_name, description)
    click.echo(f"added: {group.name}")


@group_command.command("remove")
@click.argument("name")
@pass_installation
def remove_group_command(installation: Installation, name: str) -> None:
    """Remove the group NAME."""
    with opened_services(installation) as services:
        services.people.accounts.remove_group(name)
    click.echo(f"removed: {name}")


@group_command.command("list")
@pass_installation
def list_groups_command(installation: Installation) -> None:
    """List all groups with their members."""
    with opened_services(installation) as services:
        groups = services.people.accounts.groups()
    print_table(
        ("group", "name", "source", "members"),
        [(g.name, g.display_name, g.source, ", ".join(g.members)) for g in groups],
    )


@group_command.group("member")
def member_command() -> None:
    """Put people into groups, and take them out."""


@member_command.command("add")
@click.argument("group")
@click.argument("users", nargs=-1, required=True)
@pass_installation
def add_member_command(installation: Installation, group: str, users: tuple[str, ...]) -> None:
    """Put USERS into GROUP."""
    with opened_services(installation) as services:
        for user in users:
            services.people.accounts.add_member(group, user)
            click.echo(f"added to {group}: {user}")


@member_command.command("remove")
@click.argument("group")
@click.argument("users", nargs=-1, required=True)
@pass_installation
def remove_member_command(installation: Installation, group: str, users: tuple[str, ...]) -> None:
    """Take USERS out of GROUP."""
    with opened_services(installation) as services:
        for user in users:
            services.people.accounts.remove_member(group, user)
            click.echo(f"removed from {group}: {user}")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return typed


def _role(operator: bool, coordinator: bool) -> str:
    if operator:
        return "operator"
    return "coordinator" if coordinator else "member"


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%d %H:%M}"
