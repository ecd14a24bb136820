"""Settings from a file, the environment and the command line."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from vo_service.settings.model import Settings

__all__ = ["SettingsError", "load_settings"]

PREFIX = "PZVO_"
"""Beginning of the names of environment variables."""


class SettingsError(Exception):
    """The settings cannot be used; the text names each key and says why."""


def load_settings(
    config: Path | None = None,
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Settings:
    """Gather the settings.

    Parameters
    ----------
    config
        TOML file; by default what ``PZVO_CONFIG`` names, if anything.
    environment
        Environment variables; those of the process by default.
    overrides
        Values that win over everything (options of the command line); None is left out.

    Raises
    ------
    SettingsError
        If the file cannot be read, a key is not known, or a value cannot be used; every
        problem is listed.
    """
    variables = dict(os.environ if environment is None else environment)
    if config is None and variables.get("PZVO_CONFIG"):
        config = Path(variables["PZVO_CONFIG"]).expanduser()
    values: dict[str, Any] = {}
    if config is not None:
        values.update(_read(config))
    for name, value in variables.items():
        if name.startswith(PREFIX) and name != "PZVO_CONFIG":
            values[name.removeprefix(PREFIX).lower()] = value
    values.update({key: value for key, value in (overrides or {}).items() if value is not None})
    try:
        return Settings(**values)
    except ValidationError as error:
        raise SettingsError(_explain(error)) from error


def _read(config: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(config.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read the settings file {config}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"the settings file {config} is not valid TOML: {error}") from error


def _explain(error: ValidationError) -> str:
    import difflib

    lines = []
    for problem in error.errors():
        if problem["type"] == "default_factory_not_called":
            # Follows from another problem, which is listed.
            continue
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            near = difflib.get_close_matches(key, Settings.model_fields, n=1)
            advice = f"; did you mean {near[0]}?" if near else ""
            lines.append(f"{key} is not a setting{advice}")
        else:
            message = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{key}: {message}" if key else message)
    return "The settings cannot be used:\n  " + "\n  ".join(lines)
