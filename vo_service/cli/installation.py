"""The installation that a command works on, and how its errors reach a person."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

if TYPE_CHECKING:
    from vo_service.settings import Settings

__all__ = ["Installation", "pass_installation", "spoken_errors"]

P = ParamSpec("P")
R = TypeVar("R")


class Installation:
    """Settings and services of the installation that was chosen on the command line.

    Parameters
    ----------
    config, home
        Options of the command line, where they were given.
    """

    def __init__(self, config: Path | None, home: Path | None) -> None:
        self._config = config
        self._home = home

    def options(self, settings: Settings) -> list[str]:
        """Give the options by which another process finds the same installation."""
        config = [] if self._config is None else ["--config", str(self._config.absolute())]
        return [*config, "--home", str(settings.home)]

    def settings(self, **overrides: object) -> Settings:
        """Read the settings.

        Raises
        ------
        click.ClickException
            If they cannot be used.
        """
        from vo_service.settings import SettingsError, load_settings

        try:
            return load_settings(self._config, overrides={"home": self._home, **overrides})
        except SettingsError as error:
            raise click.ClickException(str(error)) from error


def pass_installation(command: Callable[P, R]) -> Callable[P, R]:
    """Give a command the installation, and let its known errors be one line for a person."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        installation = click.get_current_context().find_object(Installation)
        with spoken_errors():
            return command(installation, *args, **kwargs)  # type: ignore[arg-type] # first argument

    return run


@contextlib.contextmanager
def spoken_errors() -> Iterator[None]:
    """Let the known errors of what is done be one line for a person, and others pass.

    Raises
    ------
    click.ClickException
        With the line.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output has seen enough (``pzvo tables | head``); what is left must
        # not be tried again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except click.ClickException:
        raise
    except Exception as error:
        message = _spoken(error)
        if message is None:
            raise
        raise click.ClickException(message) from error


def _spoken(error: Exception) -> str | None:
    """Word an error, if it is one that a person can do something about."""
    # Not before it is needed: they are in packages that take half a second to load.
    from sqlalchemy.exc import SQLAlchemyError

    from registry.errors import AnnotationRejected, RegistryError
    from registry.formats.readers.choice import FileChoiceNeeded
    from vo_service.adql.errors import AdqlError
    from vo_service.engines.base import EngineError
    from vo_service.slots import ServiceBusy

    if isinstance(error, AnnotationRejected) and len(error.report) > 1:
        return "\n  ".join(("this cannot be published yet:", *error.report))
    if isinstance(error, FileChoiceNeeded):
        return f"{error}; choose with --{error.option}"
    if isinstance(error, RegistryError | AdqlError | EngineError | ServiceBusy):
        return f"{error}{_advice(error)}"
    if isinstance(error, SQLAlchemyError):
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        return f"the metadata database cannot be used ({reason}); see home and database_url"
    if isinstance(error, ModuleNotFoundError):
        return f"the Python package {error.name} is missing; the driver of database_url?"
    if isinstance(error, OSError) and error.filename is not None:
        return f"cannot use {error.filename}: {error.strerror}"
    return None


def _advice(error: Exception) -> str:
    """Say which command lists what there is, where something is not there."""
    from registry.errors import GroupNotFound, ProductNotFound, ReleaseNotFound, UserNotFound

    listings: dict[type[Exception], str] = {
        GroupNotFound: "group list",
        ProductNotFound: "products",
        ReleaseNotFound: "release list",
        UserNotFound: "user list",
    }
    listing = listings.get(type(error))
    return "" if listing is None else f"; `pzvo {listing}` shows what there is"
