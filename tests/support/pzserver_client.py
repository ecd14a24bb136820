"""The published `pzserver` client, in processes of its own and perhaps with a Python of its own.

The client pins libraries that this project does not; `PZSERVER_PYTHON` names the interpreter of
an environment that has it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from warm import warm_python

PRELUDE = """\
import json, pathlib, sys, warnings
warnings.simplefilter("ignore")
from pzserver import PzServer
import requests
facts = {}
server = PzServer(token=sys.argv[2], host=sys.argv[1])
def failure(action, *arguments, **options):
    try:
        action(*arguments, **options)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None
"""


def client_python(variable: str = "PZSERVER_PYTHON") -> str:
    """Find an interpreter that has the client, or skip."""
    named = os.environ.get(variable)
    if named:
        return named
    if variable == "PZSERVER_PYTHON" and importlib.util.find_spec("pzserver") is not None:
        return sys.executable
    pytest.skip(f"no pzserver client: let {variable} name a Python that has it")


def run_python(python: str, script: str, folder: Path, *arguments: str, timeout_s=240) -> str:
    """Run a script that must work, away from this project; give what it prints."""
    done = warm_python(python, "import pzserver, requests").run(
        script, [*arguments], cwd=folder, timeout=timeout_s,
        env={k: v for k, v in os.environ.items() if not k.startswith(("PZVO_", "PYTHON"))},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:] + done.stdout[-2000:]
    return done.stdout


@dataclass(frozen=True)
class Client:
    """The client of one user."""

    python: str
    api_url: str
    token: str
    folder: Path

    def run(self, script: str, timeout_s: float = 240) -> tuple[dict, str]:
        """Run lines that fill `facts`; give these, and what was printed."""
        text = f"{PRELUDE}{script}\nprint('FACTS', json.dumps(facts))"
        done = run_python(
            self.python, text, self.folder, self.api_url, self.token, timeout_s=timeout_s
        )
        printed, _, facts = done.rpartition("FACTS ")
        return json.loads(facts), printed
