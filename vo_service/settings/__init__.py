"""Settings of an installation: defaults, then a TOML file, then the environment.

The names of the fields are the keys of the file; in the environment they are written in upper
case behind ``PZVO_`` (``maxrec_default_rows`` is ``PZVO_MAXREC_DEFAULT_ROWS``). Two more
variables say where things are: ``PZVO_CONFIG`` names the file, ``PZVO_HOME`` the folder that
holds the state. A key that is not known is refused, wherever it comes from.
"""

from __future__ import annotations

from vo_service.settings.loading import SettingsError, load_settings
from vo_service.settings.model import Settings, default_home

__all__ = ["Settings", "SettingsError", "default_home", "load_settings"]
