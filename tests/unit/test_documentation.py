"""The documentation against the files and the commands that it speaks of."""

from __future__ import annotations

import importlib
import importlib.util
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from pipelines.configuration import check_configuration
from registry.annotation.annotation_file import parse_annotations
from registry.model.annotation import ROLES
from registry.product_types import product_types
from vo_service.adql.errors import AdqlError
from vo_service.cli import main
from vo_service.http.errors import STATUS
from vo_service.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```(\S+).*?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:^ {4}\S.*\n(?: {4}.*\n)*)", re.MULTILINE)
INLINE = re.compile(r"`([^`\n]+)`")


def identifier(path: Path) -> str:
    return str(path.relative_to(ROOT))


def script(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def anchors(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", PAGES, ids=identifier)
def test_relative_links_lead_somewhere(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_every_page_is_reached_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        for link in LINK.findall(page.read_text(encoding="utf-8")):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.is_dir():
                waiting += target.glob("*.md")
            elif target.exists():
                waiting.append(target)
    assert reached >= set(PAGES)


def shown_commands(text: str) -> Iterator[list[str]]:
    """Find the `pzvo` commands of a page: in blocks, in indented text, and inline."""
    pieces = [content for _, content in BLOCK.findall(text)]
    plain = BLOCK.sub("", text)
    pieces += INDENTED.findall(plain)
    pieces += INLINE.findall(INDENTED.sub("", plain))
    for piece in pieces:
        joined = re.sub(r"\\\n\s*", " ", piece)
        for line in joined.splitlines():
            found = re.match(r"\s*(?:\$ )?((?:sudo -u \w+ )?(?:[A-Z_]+=\S+ )*pzvo( .*)?)$", line)
            if found is None or "=" in (found[2] or "").split(" ")[:2][-1:]:
                continue
            words = shlex.split(re.split(r" [#<|] ", found[1])[0])
            yield words[words.index("pzvo") + 1 :]


@pytest.mark.parametrize("page", PAGES, ids=identifier)
def test_commands_and_their_options_exist(page):
    for words in shown_commands(page.read_text(encoding="utf-8")):
        check(main, [word for word in words if word not in ("...", "FILE")])


def check(command: click.Command, words: list[str]) -> None:
    options = {name: p for p in command.params for name in (*p.opts, *p.secondary_opts)}
    left = list(words)
    while left:
        word = left.pop(0)
        if word in ("--help", "-h"):
            continue
        if word.startswith("-") and word != "-":
            assert word in options, f"{command.name} has no option {word}: {words}"
            if not getattr(options[word], "is_flag", False) and left:
                left.pop(0)
        elif isinstance(command, click.Group):
            assert word in command.commands, f"there is no command {word}: {words}"
            check(command.commands[word], left)
            return


def test_check_of_commands_can_fail():
    found = list(shown_commands("Say `pzvo publish x --nam y` or\n\n    pzvo tabels\n"))
    assert found == [["tabels"], ["publish", "x", "--nam", "y"]]
    for words in found:
        with pytest.raises(AssertionError):
            check(main, words)


def test_pages_show_many_commands():
    names = {
        words[0] for page in PAGES for words in shown_commands(page.read_text("utf-8")) if words
    }
    assert names >= {name for name, command in main.commands.items() if not command.hidden}


def test_settings_page_is_up_to_date():
    page = script("settings_page")
    assert page.PAGE.read_text(encoding="utf-8") == page.settings_page()


def test_settings_page_words_the_defaults_that_depend_on_the_machine():
    computed = {name for name, f in Settings.model_fields.items() if f.default_factory is not None}
    assert set(script("settings_page").COMPUTED_DEFAULTS) == computed


@pytest.mark.parametrize("page", PAGES, ids=identifier)
def test_settings_that_pages_name_exist(page):
    text = page.read_text(encoding="utf-8")
    known = {f"PZVO_{name.upper()}" for name in Settings.model_fields}
    known |= {"PZVO_CONFIG", "PZVO_COMPLETE", "PZVO_PRT"}
    assert set(re.findall(r"\bPZVO_[A-Z_]+\b", text.replace("_PZVO_", "PZVO_"))) <= known
    for language, content in BLOCK.findall(text):
        if language == "toml":
            assert set(tomllib.loads(content)) <= set(Settings.model_fields)


@pytest.mark.io
def test_errors_page_is_up_to_date():
    page = script("errors_page")
    assert page.PAGE.read_text(encoding="utf-8") == page.errors_page()


def test_errors_page_shows_every_status_and_every_class_of_wrong_query():
    text = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"\| (\w+) \| (?:\d{3}|exit 1) \|", text))
    assert {kind.__name__ for kind in AdqlError.__subclasses__()} <= shown
    for status in {status for kind, status in STATUS if kind.__name__ != "NotAllowed"}:
        assert f"| {status} |" in text


def test_publish_page_lists_roles_and_types():
    text = (ROOT / "docs" / "how-to" / "publish.md").read_text(encoding="utf-8")
    for role in ROLES:
        assert f"| `{role.alias}` | `{role.ucd}` |" in text
    for each in product_types():
        row = next(
            line for line in text.splitlines() if line.startswith("|") and f"`{each.name}`" in line
        )
        assert row.split("|")[2].strip() == (", ".join(each.mandatory) or "none")


def test_annotation_files_of_the_pages_are_valid():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for language, content in BLOCK.findall(text):
            if language != "yaml":
                continue
            document = yaml.safe_load(content)
            if "inputs" in document:
                # The page says for which pipeline it is.
                name = re.search(r"pzvo pipeline run (\w+)", text).group(1)
                pipeline = importlib.import_module(f"pipelines.{name}")
                assert check_configuration(pipeline.SPECIFICATION, document).param
            else:
                assert parse_annotations(yaml.safe_dump(document)).columns
