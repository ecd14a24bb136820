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

ROOT = Path(__file__).resolve().parents[2]


def pzvo_process(home: Path, *arguments: str, **options) -> subprocess.CompletedProcess:
    """Run the command line on an installation in a process of its own, as a person does."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PZVO_")}
    environment |= {"PZVO_HOME": str(home)} | options.pop("environment", {})
    return subprocess.run(
        [sys.executable, "-m", "vo_service.cli", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=options.pop("timeout", 120),
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
    process: subprocess.Popen | None = None
    url: str = ""

    def start(self) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PZVO_")}
        # One web process starts in half of the time; the service that most tests share has two.
        environment |= {"PZVO_WEB_PROCESSES": "1"} | self.environment
        environment |= {"PZVO_HOME": str(self.home), "PYTHONUNBUFFERED": "1"}
        with (self.home / "serve.log").open("w") as log:
            self.process = subprocess.Popen(
                [self.python, "-m", "vo_service.cli", "serve", "--port", "0"],
                cwd=self.folder,
                env=environment,
                stdout=log,
                stderr=log,
            )
        for _ in range(3000):
            text = (self.home / "serve.log").read_text()
            found = re.search(r"TAP service: (\S+)", text)
            if found:
                self.url = found[1]
                return
            assert self.process.poll() is None, text
            time.sleep(0.05)
        raise AssertionError(text)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(30)
