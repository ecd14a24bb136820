"""A query of the page as programs write it."""

from __future__ import annotations

import json
import shlex

from vo_service.web.querying import LANG, AskedQuery

__all__ = ["snippets"]


def snippets(asked: AskedQuery, base_url: str, *, private: bool) -> list[tuple[str, str]]:
    """Write a query for pyvo, STILTS and curl.

    Parameters
    ----------
    asked
        The query.
    base_url
        Of the service.
    private
        Whether the visitor is known here, so that programs must be too, to see the same.

    Returns
    -------
    list of (str, str)
        Name of the program, and what to give it.
    """
    tap = f"{base_url}/auth/tap" if private else f"{base_url}/tap"
    return [
        ("pyvo", _pyvo(asked, tap, private)),
        ("STILTS", _stilts(asked, tap, private)),
        ("curl", _curl(asked, tap, private)),
    ]


def _pyvo(asked: AskedQuery, tap: str, private: bool) -> str:
    uploads = ""
    if asked.upload is not None:
        uploads = f', uploads={{"{asked.upload}": "my_table.vot"}}'
    lines = ["import pyvo"]
    if private:
        lines += [
            "import requests",
            "session = requests.Session()",
            'session.headers["Authorization"] = "Bearer TOKEN"  # yours',
            f'tap = pyvo.dal.TAPService("{tap}", session=session)',
        ]
    else:
        lines.append(f'tap = pyvo.dal.TAPService("{tap}")')
    lines += [
        # A string of JSON is one of Python too.
        f"query = {_python_text(asked.text)}",
        f"table = tap.search(query, maxrec={asked.maxrec}{uploads}).to_table()",
    ]
    return "\n".join(lines)


def _python_text(text: str) -> str:
    plain = "\\" not in text and '"""' not in text and not text.endswith('"')
    if plain and text.isprintable() is False and text.replace("\n", "").isprintable():
        return f'"""{text}"""'
    return json.dumps(text, ensure_ascii=False)


def _stilts(asked: AskedQuery, tap: str, private: bool) -> str:
    parts = ["stilts"]
    if private:
        parts += ["-Dstar.basicauth.user=NAME", "-Dstar.basicauth.password=TOKEN"]
    parts += ["tapquery", f"tapurl={tap}", f"maxrec={asked.maxrec}", "sync=true"]
    if asked.upload is not None:
        parts += ["nupload=1", "upload1=my_table.fits", f"upname1={asked.upload}"]
    parts += [f"adql={asked.text}", "out=table.fits"]
    return " ".join(shlex.quote(part) for part in parts)


def _curl(asked: AskedQuery, tap: str, private: bool) -> str:
    parts = ["curl", "-f", f"{tap}/sync"]
    if private:
        parts += ["-H", "Authorization: Bearer TOKEN"]
    sent = {"LANG": LANG, "RESPONSEFORMAT": asked.responseformat or "csv", "MAXREC": asked.maxrec}
    flag = "--data-urlencode" if asked.upload is None else "--form-string"
    for name, value in (*sent.items(), ("QUERY", asked.text)):
        parts += [flag, f"{name}={value}"]
    if asked.upload is not None:
        parts += [
            "--form-string",
            f"UPLOAD={asked.upload},param:table",
            "-F",
            "table=@my_table.vot",
        ]
    return " ".join(shlex.quote(part) for part in (*parts, "-o", "table.csv"))
