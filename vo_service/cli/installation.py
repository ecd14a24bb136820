"""The installation that a command works on, and how its errors reach a person."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

from vo_service.settings import Settings, SettingsError, load_settings

__all__ = ["Installation", "pass_installation"]

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
        try:
            return load_settings(self._config, overrides={"home": self._home, **overrides})
        except SettingsError as error:
            raise click.ClickException(str(error)) from error


def pass_installation(command: Callable[P, R]) -> Callable[P, R]:
    """Give a command the installation, and let its known errors be one line for a person."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        installation = click.get_current_context().find_object(Installation)
        with _spoken_errors():
            return command(installation, *args, **kwargs)  # type: ignore[arg-type] # first argument

    return run


@contextlib.contextmanager
def _spoken_errors() -> Iterator[None]:
    from sqlalchemy.exc import SQLAlchemyError

    from registry.errors import AnnotationRejected, RegistryError
    from registry.formats.readers.choice import FileChoiceNeeded
    from vo_service.adql.errors import AdqlError
    from vo_service.engines.base import EngineError
    from vo_service.slots import ServiceBusy

    try:
        yield
        sys.stdout.flush()
    except AnnotationRejected as error:
        several = len(error.report) > 1
        message = "\n  ".join(("this cannot be published yet:", *error.report))
        raise click.ClickException(message if several else str(error)) from error
    except FileChoiceNeeded as error:
        raise click.ClickException(f"{error}; choose with --{error.option}") from error
    except (RegistryError, AdqlError, EngineError, ServiceBusy) as error:
        raise click.ClickException(str(error)) from error
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        message = f"the metadata database cannot be used ({reason}); see home and database_url"
        raise click.ClickException(message) from error
    except ModuleNotFoundError as error:
        message = f"the Python package {error.name} is missing; the driver of database_url?"
        raise click.ClickException(message) from error
    except BrokenPipeError:
        # The reader of our output has seen enough (``pzvo tables | head``); what is left must
        # not be tried again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except OSError as error:
        if error.filename is None:
            raise
        message = f"cannot use {error.filename}: {error.strerror}"
        raise click.ClickException(message) from error
