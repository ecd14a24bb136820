"""The commands that the pages show, run again."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from warm import COMMAND_LINE, RUN_COMMAND_LINE, warm_python

ROOT = Path(__file__).resolve().parents[2]
_SPEC = importlib.util.spec_from_file_location("console_blocks", ROOT / "docs/console_blocks.py")
console_blocks = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(console_blocks)


@pytest.mark.parametrize("page", console_blocks.PAGES, ids=lambda page: page.stem)
def test_console_blocks_show_what_the_commands_print(page, tmp_path):
    def start(arguments, **options):
        return warm_python(sys.executable, COMMAND_LINE).start(
            RUN_COMMAND_LINE, arguments, **options
        )

    text = page.read_text(encoding="utf-8")
    assert console_blocks.refreshed(text, tmp_path, start) == text
