"""Every text of the website is there in every language."""

from __future__ import annotations

import re

import pytest
from babel.messages.pofile import read_po
from translations import WEB, marked_texts

from vo_service.web.site import LANGUAGES

OTHERS = [language for language in LANGUAGES if language != "en"]

NAMES = {
    "ADQL", "API", "Aladin", "CSV", "JSON", "RA", "SHA-256", "STILTS", "TAP", "TOPCAT", "UCD",
    "curl", "pyvo", "pzserver", "pzvo", "SELECT", "TOP", "FROM", "TAP_UPLOAD.mine", "Dec",
    "Markdown", "DOI", "ORCID", "HDU", "ADS", "BibTeX", "ZIP", "https", "ESASky", "Lite", "VOTable",
    "FITS", "HEALPix", "MOC", "SIA",
}  # fmt: skip
"""Names and words of programs, which are the same in all languages."""

TEMPLATES = sorted((WEB / "templates").rglob("*.html"))


def catalogue(language: str):
    with (WEB / "translations" / language / "LC_MESSAGES" / "messages.po").open("rb") as text:
        return read_po(text, locale=language)


@pytest.mark.parametrize("language", OTHERS)
def test_every_marked_text_is_translated(language):
    known = catalogue(language)
    missing = []
    for file, text in marked_texts():
        message = known.get(text if isinstance(text, str) else text[0])
        strings = () if message is None else message.string
        strings = (strings,) if isinstance(strings, str) else tuple(strings)
        if not strings or not all(strings) or (message is not None and message.fuzzy):
            missing.append((file, text))
    assert not missing, f"translate these in {language}"


@pytest.mark.parametrize("language", OTHERS)
def test_translations_fill_in_the_same_values(language):
    for message in catalogue(language):
        if not message.id:
            continue
        texts = [message.id] if isinstance(message.id, str) else message.id
        wanted = set(re.findall(r"%\((\w+)\)s", texts[-1]))
        strings = [message.string] if isinstance(message.string, str) else message.string
        for string in strings:
            assert set(re.findall(r"%\((\w+)\)s", string)) == wanted, message.id


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_templates_show_no_text_that_is_not_marked(template):
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", template.read_text(), flags=re.S)
    text = re.sub(r"<(?P<tag>style|script)\b.*?</(?P=tag)>", " ", text, flags=re.S)
    attributes = re.findall(r'\b(?:title|alt|placeholder|aria-label)="([^"]*)"', text)
    # Macros also give attributes of tags that are elsewhere.
    text = re.sub(r'[\w:-]+="[^"]*"', " ", text)
    shown = re.sub(r"&\w+;", " ", re.sub(r"<[^>]*>", " ", text))
    words = re.findall(r"[A-Za-z][\w.-]+", " ".join([shown, *attributes]))
    assert not [word for word in words if word.rstrip(".") not in NAMES]
