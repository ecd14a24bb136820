"""The page on which people log in."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response

from vo_service.web.shell import Shell

__all__ = ["SignInPage"]


@dataclass(frozen=True, slots=True)
class SignInPage:
    """Shows the page in the frame of all others.

    Attributes
    ----------
    shell
        The frame.
    external
        Paths of other ways to log in, below the base.
    """

    shell: Shell
    external: tuple[str, ...] = ()

    def __call__(
        self, next_path: str, user: str | None = None, problem: str | None = None, status: int = 200
    ) -> Response:
        """Show it.

        Parameters
        ----------
        next_path
            Where the person goes afterwards.
        user
            Who is logged in already.
        problem
            Why the last try failed.
        status
            Of the answer.
        """
        response = self.shell.render(
            "login.html",
            status,
            next=next_path,
            known=user,
            problem=problem,
            external=self.external,
        )
        response.cache_control.no_store = True
        return response
