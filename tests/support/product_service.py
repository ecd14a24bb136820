"""A served installation with people in it, for clients of the product service."""

from __future__ import annotations

from dataclasses import dataclass, field

from command_line import pzvo
from live import LiveService

PEOPLE = {
    "owner": (),
    "other": (),
    "insider": (),
    "chair": ("--coordinator",),
    "root": ("--admin",),
}


@dataclass
class ProductInstallation:
    """The service and the tokens of its people."""

    live: LiveService
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.live.url.removesuffix("/tap")

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"


def installed(home, environment=None, *, people: bool = True) -> ProductInstallation:
    """Make people, groups and releases unless there are, and serve."""
    if people:
        run_all(home)
    live = LiveService(home, environment or {})
    live.start()
    found = ProductInstallation(live)
    for name in PEOPLE if people else ():
        found.tokens[name] = run(home, "token", "create", name).strip()
    return found


def run_all(home) -> None:
    """Fill an installation with people, a group, and releases open to all, members and it."""
    for name, options in PEOPLE.items():
        run(home, "user", "add", name, *options)
    run(home, "group", "add", "insiders")
    run(home, "group", "member", "add", "insiders", "insider", "owner")
    run(home, "release", "add", "dp1", "--display-name", "DP1", "--public")
    run(home, "release", "add", "dp2", "--display-name", "DP2")
    run(home, "release", "add", "dp3", "--display-name", "DP3", "--group", "insiders")


def run(home, *arguments: str) -> str:
    """Run a command that must work; give what it prints."""
    done = pzvo(home, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout
