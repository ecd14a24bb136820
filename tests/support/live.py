"""A served installation, driven through the command line as a person would."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from warm import COMMAND_LINE, RUN_COMMAND_LINE, WarmProcess, warm_python

ROOT = Path(__file__).resolve().parents[2]


def pzvo_process(home: Path, *arguments: str, timeout: float = 240, **options):
    """Run the command line on an installation in a process of its own, as a person does.

    It starts from nothing where the test asks for what only such a start has.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PZVO_")}
    environment |= {"PZVO_HOME": str(home)} | options.pop("environment", {})
    if options.keys() <= {"umask"}:
        python = warm_python(sys.executable, COMMAND_LINE)
        return python.run(
            RUN_COMMAND_LINE, [*arguments], cwd=ROOT, env=environment, timeout=timeout, **options
        )
    return subprocess.run(
        [sys.executable, "-m", "vo_service.cli", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        **options,
    )


@dataclass
class LiveService:
    """A served installation."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    python: str | Path = sys.executable
    folder: Path = ROOT
    process: subprocess.Popen | WarmProcess | None = None
    url: str = ""

    def start(self) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PZVO_")}
        # One web process starts in half of the time; the service that most tests share has two.
        environment |= {"PZVO_WEB_PROCESSES": "1"} | self.environment
        environment |= {"PZVO_HOME": str(self.home), "PYTHONUNBUFFERED": "1"}
        with (self.home / "serve.log").open("w") as log:
            self.process = self._begin(environment, {"stdout": log, "stderr": log})
        for _ in range(3000):
            text = (self.home / "serve.log").read_text()
            found = re.search(r"TAP service: (\S+)", text)
            if found:
                self.url = found[1]
                return
            assert self.process.poll() is None, text
            time.sleep(0.05)
        raise AssertionError(text)

    def _begin(self, environment: dict[str, str], files: dict[str, IO[str]]):
        options = {"cwd": self.folder, "env": environment, **files}
        command = ["serve", "--port", "0"]
        ours = self.python == sys.executable and self.folder == ROOT
        if ours and all(name.startswith("PZVO_") for name in self.environment):
            python = warm_python(sys.executable, COMMAND_LINE)
            return python.start(RUN_COMMAND_LINE, command, **options)
        return subprocess.Popen([self.python, "-m", "vo_service.cli", *command], **options)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(180)
