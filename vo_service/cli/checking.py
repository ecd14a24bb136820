"""``pzvo adql check``: whether queries are ADQL 2.1, without a service."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from typing import IO

import click

__all__ = ["adql_group"]


@click.group("adql")
def adql_group() -> None:
    """Look at queries without running them."""


@adql_group.command("check")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Read a list of objects with a query each, and write one verdict object a line.",
)
@click.argument("files", nargs=-1, type=click.File("rb"), metavar="[FILE]...")
def check_command(files: tuple[IO[bytes], ...], *, as_json: bool) -> None:
    """Say of each query whether it is ADQL 2.1, and where not, why.

    Each FILE holds one query, or with --json a list of objects with the member "query"; the
    standard input is read by default. No table and no service is needed: names of tables and
    columns are not looked up. The exit status is 1 when any query is not ADQL 2.1.
    """
    # The parser is imported where it is needed, for a fast command line.
    from vo_service.adql.verdicts import check

    sources = files or (sys.stdin.buffer,)
    valid = True
    for name, query in _listed(sources) if as_json else _plain(sources):
        verdict = check(query)
        valid &= verdict.valid
        if as_json:
            click.echo(json.dumps(dataclasses.asdict(verdict), ensure_ascii=False))
        elif verdict.valid:
            click.echo(f"{name}: valid ADQL 2.1")
        else:
            place = "" if verdict.line is None else f":{verdict.line}:{verdict.column}"
            click.echo(f"{name}{place}: {verdict.message}")
    if not valid:
        sys.exit(1)


def _plain(files: tuple[IO[bytes], ...]) -> Iterator[tuple[str, str]]:
    for file in files:
        yield _name(file), _text(file)


def _listed(files: tuple[IO[bytes], ...]) -> Iterator[tuple[str, str]]:
    for file in files:
        name = _name(file)
        try:
            entries = json.loads(_text(file))
        except (json.JSONDecodeError, RecursionError) as error:
            raise click.UsageError(f"{name} is not JSON: {error}") from error
        if not isinstance(entries, list):
            raise click.UsageError(f'{name} holds no list; write [{{"query": "SELECT ..."}}, ...]')
        for number, entry in enumerate(entries, start=1):
            query = entry.get("query") if isinstance(entry, dict) else None
            if not isinstance(query, str):
                raise click.UsageError(f'{name}: entry {number} has no text as its "query"')
            yield name, query


def _name(file: IO[bytes]) -> str:
    name = getattr(file, "name", "-")
    return "standard input" if name in ("<stdin>", "-", 0) else str(name)


def _text(file: IO[bytes]) -> str:
    try:
        return file.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{_name(file)} is not UTF-8: {error.reason}") from error
