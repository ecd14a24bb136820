"""The page on which people log in."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from urllib.parse import quote

__all__ = ["LoginPage"]

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:10vh auto;max-width:22rem;padding:1.5rem}
label{display:block;margin-top:1rem} input,button{font:inherit;width:100%;padding:.5rem;
box-sizing:border-box} button{margin-top:1.5rem} [role=alert]{color:#a4161a;font-weight:600}
"""


@dataclass(frozen=True, slots=True)
class LoginPage:
    """Writes the page.

    Attributes
    ----------
    title
        Name of the service.
    base_url
        Public base, without trailing slash.
    external
        Paths of other ways to log in, below the base, with what to call them.
    """

    title: str
    base_url: str
    external: tuple[tuple[str, str], ...] = ()

    def render(self, next_path: str, user: str | None = None, problem: str | None = None) -> str:
        """Write it.

        Parameters
        ----------
        next_path
            Where the person goes afterwards.
        user
            Who is logged in already.
        problem
            Why the last try failed.
        """
        said = "" if problem is None else f'<p role="alert">{escape(problem)}</p>'
        known = "" if user is None else f"<p>You are logged in as <b>{escape(user)}</b>.</p>"
        others = "".join(
            f'<p><a href="{escape(self.base_url)}{path}?next={quote(next_path, safe="")}">'
            f"{escape(label)}</a></p>"
            for path, label in self.external
        )
        return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Log in - {escape(self.title)}</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_STYLE}</style></head>
<body><h1>{escape(self.title)}</h1>{known}{said}
<form method="post" action="{escape(self.base_url)}/login">
<input type="hidden" name="next" value="{escape(next_path)}">
<label>User name <input name="username" autocomplete="username" required autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password"
 required></label>
<button>Log in</button></form>{others}</body></html>
"""
