"""Errors in a browser are pages; programs keep their documents."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from votables import read_votable

BROWSERS = {
    "Chromium": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
    "image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
    "Firefox": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "HTML alone": "text/html",
}
PROGRAMS = {
    "curl": "*/*",
    "Java": "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
    "requests": "*/*",
    "VOTable": "application/x-votable+xml",
    "not HTML": "text/html;q=0, */*",
    "none": None,
}
QUERY = '\n</textarea><script>alert("1")</script>\n FROM x'


class Page(HTMLParser):
    """Reads what a person sees: the message, and what is in the box."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.forms, self.texts = [], [], {"pre": "", "textarea": ""}
        self._inside = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "form":
            self.forms.append(dict(attrs))
        self._inside = tag if tag in self.texts else self._inside

    def handle_endtag(self, tag):
        self._inside = None if tag == self._inside else self._inside

    def handle_data(self, data):
        if self._inside is not None:
            self.texts[self._inside] += data

    @property
    def query(self):
        return self.texts["textarea"].removeprefix("\n")


def ask(installation, accept, path="/tap/sync", method="GET", **sent):
    headers = {} if accept is None else {"Accept": accept}
    name = "query_string" if method == "GET" else "data"
    given = {name: sent} if sent else {}
    return installation.client.open(path, method=method, headers=headers, **given)


@pytest.mark.parametrize("browser", BROWSERS)
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("wanted", ["votable", "html", "nonsense"])
def test_a_wrong_query_is_shown_with_its_text_to_be_mended(installation, browser, method, wanted):
    response = ask(
        installation, BROWSERS[browser], method=method,
        LANG="ADQL", query=QUERY, RESPONSEFORMAT=wanted, MAXREC='"7',
    )  # fmt: skip
    assert (response.status_code, response.mimetype) == (400, "text/html")
    page = Page(response.text)
    assert "script" not in page.tags
    assert page.texts["pre"]
    assert page.query == QUERY
    assert page.forms == [
        {"action": "https://vo.example.org/photoz/tap/sync", "method": method.lower()}
    ]
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "script-src" not in response.headers["Content-Security-Policy"]
    assert "Accept" in response.vary


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_keep_their_documents(installation, program):
    response = ask(installation, PROGRAMS[program], LANG="ADQL", QUERY="DUFF")
    assert response.headers["Content-Type"] == "application/x-votable+xml"
    assert read_votable(response.data).status == "ERROR"
    assert "Accept" in response.vary
    text = ask(installation, PROGRAMS[program], "/tap/async/nothing")
    assert text.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("name", ["RESPONSEFORMAT", "format"])
@pytest.mark.parametrize("wanted", ["html", "text/html", "HTML"])
def test_who_asks_for_html_gets_errors_in_it(installation, name, wanted):
    response = ask(installation, "*/*", LANG="ADQL", QUERY="DUFF", **{name: wanted})
    assert response.mimetype == "text/html"
    assert Page(response.text).query == "DUFF"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/tap/async/nothing", 404),
        ("/tap/async?LAST=x", 400),
        ("/tap/tables/no.such", 404),
        ("/nowhere", 404),
        ("/login/oidc", 404),
        ("/auth/tap", 401),
        ("/pipelines/nothing", 404),
    ],
)
def test_other_errors_are_pages_with_their_message(installation, path, status):
    shown = ask(installation, BROWSERS["Firefox"], path)
    assert (shown.status_code, shown.mimetype) == (status, "text/html")
    plain = ask(installation, "*/*", path)
    assert plain.status_code == status
    message = plain.text if plain.mimetype == "text/plain" else read_votable(plain.data).text
    assert Page(shown.text).texts["pre"] == message.strip()
    assert Page(shown.text).forms == []


def test_the_error_of_a_job_is_a_page_with_its_query(installation):
    made = installation.client.post("/tap/async", data={"LANG": "ADQL", "QUERY": "DUFF <b>"})
    job = made.headers["Location"].rpartition("/")[2]
    fails = ask(installation, BROWSERS["Chromium"], f"/tap/async/{job}/error")
    assert (fails.status_code, fails.mimetype) == (404, "text/html")
    assert "has no error" in Page(fails.text).texts["pre"]


def test_the_api_answers_browsers_in_json(installation):
    response = ask(installation, BROWSERS["Firefox"], "/api/products/999/")
    assert response.status_code in (401, 404)
    assert response.mimetype == "application/json"
