"""Names, descriptions and values that are markup stay text on every page and document."""

import html.parser

import pytest
from lxml import etree
from votables import read_votable

HOSTILE = "redshift_catalog.p2_scriptalert1script"
SELECT = f"SELECT * FROM {HOSTILE}"
COLUMNS = ["ra", "dec", "z", "<script>alert(2)</script>", '"><img src=x onerror=alert(4)>']


class Page(html.parser.HTMLParser):
    """Collects the elements and the text of a page, as a browser would see them."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.attributes, self.text = set(), set(), ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        for name, value in attrs:
            assert not (name in ("href", "action") and value.lower().startswith("javascript:"))

    def handle_data(self, data):
        self.text += data


def safe(text):
    page = Page(text)
    assert not page.elements & {"script", "img", "iframe", "object", "svg"}
    assert not {name for name in page.attributes if name.startswith("on")}
    return page


@pytest.fixture
def client(installation):
    return installation.client


def test_the_page_of_the_service_shows_them_as_text(client):
    page = safe(client.get("/tap").text)
    assert "</title><script>alert(5)</script>" in page.text
    assert page.text.count('A <b>"service"</b>') == 2  # title and heading


def test_a_page_of_results_shows_them_as_text(installation):
    response = installation.ask(SELECT, RESPONSEFORMAT="html")
    assert response.headers["Content-Type"].startswith("text/html")
    page = safe(response.text)
    for name in COLUMNS:
        assert name in page.text
    assert "</td><script>alert(3)</script>" in page.text
    assert "]]>&amp;" in page.text


def test_a_query_with_markup_is_shown_as_text(installation):
    adql = f"SELECT '<script>alert(6)</script>' AS \"<img onload=x>\" FROM {HOSTILE}"
    page = safe(installation.ask(adql, RESPONSEFORMAT="html").text)
    assert "<script>alert(6)</script>" in page.text
    assert "<img onload=x>" in page.text


@pytest.mark.parametrize("form", ["votable", "votable/td"])
def test_votables_carry_them_whole(installation, form):
    answer = read_votable(installation.ask(SELECT, RESPONSEFORMAT=form).data)
    assert answer.names == COLUMNS
    assert answer.values(COLUMNS[3]) == ["</td><script>alert(3)</script>"]
    assert answer.values(COLUMNS[4]) == ["]]>&amp;"]


def test_errors_repeat_them_as_text(installation):
    response = installation.ask('SELECT "<script>x</script>" FROM TAP_SCHEMA.tables')
    assert response.status_code == 400
    assert "<script>x</script>" in read_votable(response.data).text
    response = installation.ask("SELECT 1 FROM TAP_SCHEMA.tables", RESPONSEFORMAT="<script>")
    assert "<script>" in read_votable(response.data).text


def test_examples_and_tables_stay_well_formed(client):
    etree.fromstring(client.get("/tap/examples").data)
    root = etree.fromstring(client.get(f"/tap/tables/{HOSTILE}").data)
    assert root.findtext("description") == "</title><script>alert(5)</script>"
    assert root.findall("column")[3].findtext("name") == f'"{COLUMNS[3]}"'


def test_markup_in_a_path_is_plain_text(client):
    for path in ("/tap/<script>", "/tap/tables/<script>"):
        response = client.get(path)
        assert (response.status_code, response.mimetype) == (404, "text/plain")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
