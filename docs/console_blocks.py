"""Run the commands that a page shows, and write what they print into the page.

A fenced block ``console`` holds commands behind ``$`` and their output; a fenced block with a
language and a file name (``csv galaxies.csv``) is that file. The commands `pzvo ...` of a page
run in order, in one empty folder with an installation of its own, at a terminal of 120 columns;
other commands are left as they are. Run it from the root of the checkout::

    python docs/console_blocks.py docs/tutorial.md docs/how-to/publish.md

The tests compare each page of `PAGES` with what this script would write.
"""

from __future__ import annotations

import contextlib
import os
import pty
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    ROOT / "docs" / "tutorial.md",
    ROOT / "docs" / "how-to" / "publish.md",
    ROOT / "docs" / "how-to" / "accounts.md",
)

COLUMNS = 120
"""Width of the terminal: what fits a page."""

_BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")


def cold(arguments: list[str], **options: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401 - those of Popen
    """Start a command as a person does."""
    command = [sys.executable, "-m", "vo_service.cli", *arguments]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)  # noqa: S603 - our own


def refreshed(text: str, folder: Path, start: Callable[..., Any] = cold) -> str:
    """Give a page with the present output of its commands.

    Parameters
    ----------
    text
        The page.
    folder
        Empty; the page's files are written there, and the commands run there.
    start
        Starts a command with the options of `subprocess.Popen`; gives a process to wait for.
    """

    def block(match: re.Match[str]) -> str:
        language, name, content = match.groups()
        if name is not None:
            (folder / name).write_text(content, encoding="utf-8")
        if language != "console":
            return match[0]
        return f"```console\n{_COMMAND.sub(command, content)}```"

    def command(match: re.Match[str]) -> str:
        words = shlex.split(match[1].replace("\\\n", " "))
        if words[0] != "pzvo" or words[1] in ("serve", "demo"):
            return match[0]
        return f"$ {match[1]}\n{_run(words[1:], folder, start)}"

    return _BLOCK.sub(block, text)


def _run(arguments: list[str], folder: Path, start: Callable[..., Any]) -> str:
    """Run a command with a terminal as its standard output; give what it prints."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PZVO_")}
    environment |= {
        "PZVO_HOME": str(folder / "home"),
        "PYTHONPATH": str(ROOT),
        "COLUMNS": str(COLUMNS),
        "TERM": "xterm",
    }
    ours, theirs = pty.openpty()
    with tempfile.TemporaryFile() as said:
        process = start(arguments, cwd=folder, env=environment, stdout=theirs, stderr=said)
        os.close(theirs)
        shown = b"".join(_pieces(ours))
        process.wait()
        said.seek(0)
        notes = said.read()
    os.close(ours)
    # Where both are, notes come before the result of a publication, and after all else.
    first = arguments[0] == "publish" and "--dry-run" not in arguments
    text = (notes + shown if first else shown + notes).decode().replace("\r\n", "\n")
    lines = [line.rstrip() for line in _ESCAPE.sub("", text).splitlines()]
    return "".join(f"{_MOMENT.sub('2026-11-21 12:00', line)}\n" for line in lines if line)


def _pieces(terminal: int) -> Iterator[bytes]:
    # Linux raises OSError when the last writer of a terminal is gone.
    with contextlib.suppress(OSError):
        while piece := os.read(terminal, 65536):
            yield piece


if __name__ == "__main__":
    for page in map(Path, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as name:
            page.write_text(refreshed(page.read_text("utf-8"), Path(name)), encoding="utf-8")
