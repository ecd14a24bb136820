"""Folders of processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from registry.scratch import ScratchFolder

ROOT = Path(__file__).resolve().parents[4]

KILLED = """
import os, signal, sys
from pathlib import Path
from registry.scratch import ScratchFolder
scratch = ScratchFolder(Path(sys.argv[1]))
(scratch.folder() / "upload").write_text("x")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_closing_removes_everything(tmp_path):
    scratch = ScratchFolder(tmp_path / "uploads")
    (scratch.folder() / "a").write_text("a")
    scratch.file().write_text("b")
    scratch.close()
    scratch.close()
    assert list((tmp_path / "uploads").iterdir()) == []


def test_a_living_process_keeps_its_folder_and_a_dead_one_loses_it(tmp_path):
    subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, check=False, timeout=240
    )
    (dead,) = tmp_path.iterdir()
    assert list(dead.rglob("upload"))
    first = ScratchFolder(tmp_path)
    assert not dead.exists()
    second = ScratchFolder(tmp_path)
    assert first.path.is_dir()
    assert second.path.is_dir()
    first.close()
    second.close()
