"""The website in a real browser: with and without scripts, at both widths and in both themes."""

from __future__ import annotations

import shutil
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from command_line import pzvo
from live import LiveService

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

CHROMIUM = shutil.which("chromium")
PASSWORD = "a long password"
WAIT_MS = 150_000

pytestmark = [
    pytest.mark.clients,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]


def training_file(path):
    """Write a training set that leaves nothing to guess, and give its path."""
    rng = np.random.default_rng(5)
    z = rng.gamma(2.5, 0.3, 500)
    columns = {
        "objid": np.arange(500), "ra": 150 + rng.normal(0, 0.5, 500),
        "dec": 2 + rng.normal(0, 0.5, 500), "z_spec": z, "z_err": 0.01 * (1 + z),
        "mag_g": 23 + z, "mag_r": 22 + z, "mag_i": 21.5 + z,
    }  # fmt: skip
    pa.parquet.write_table(pa.table(columns), path)
    return path


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    for name, *role in (("ann",), ("cora", "--coordinator"), ("op", "--admin")):
        done = pzvo(home, "user", "add", name, *role, "--password-stdin", input=f"{PASSWORD}\n")
        assert done.returncode == 0, done.stderr
    live = LiveService(home)
    live.start()
    yield live.url.removesuffix("/tap")
    live.stop()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


def visit(browser, address, who="ann", *, scripts=True, width=1280, theme="light"):
    """Open a page of somebody who is logged in, and note what it complains of."""
    context = browser.new_context(
        java_script_enabled=scripts, color_scheme=theme, viewport={"width": width, "height": 900}
    )
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda m: m.type == "error" and page.complaints.append(m.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    host = urlsplit(address).netloc
    page.on(
        "request",
        lambda r: urlsplit(r.url).netloc in (host, "") or page.complaints.append(r.url),
    )
    page.goto(f"{address}/login?next=/product/new")
    page.fill("#username", who)
    page.fill("#password", PASSWORD)
    page.click("main form button")
    page.wait_for_selector("#display_name")
    return page


@pytest.fixture(scope="module")
def product(browser, address, tmp_path_factory):
    """Make a product as somebody does who has only a file; the connection breaks once."""
    page = visit(browser, address)
    page.fill("#display_name", "Seen in a browser & <b>")
    page.select_option("#product_type", "training_set")
    page.click("text=Next: files")
    file = training_file(tmp_path_factory.mktemp("files") / "train.parquet")
    page.set_input_files("#file", file)
    page.route("**/api/uploads/*/", lambda route: route.abort(), times=1)
    page.click("text=Upload >> nth=-1")
    page.wait_for_selector("text=The connection broke")
    page.complaints.clear()
    page.click("button:has-text('Upload')")
    page.wait_for_selector("strong:has-text('train.parquet')")
    page.click("text=Next: columns")
    page.wait_for_selector("text=z is still missing")
    roles = page.locator("table.columns select")
    roles.nth(3).select_option("z")
    page.wait_for_selector("text=z is there")
    roles.nth(2).select_option("z")
    page.wait_for_selector("#checklist >> text=already")
    roles.nth(2).select_option("")
    page.click("text=Accept all suggestions")
    page.wait_for_selector("text=z is there")
    page.click("text=Next: check and publish")
    page.click("button:has-text('Publish')")
    page.wait_for_selector("text=Query this table")
    assert page.complaints == []
    found = urlsplit(page.url).path
    page.context.close()
    return found


def test_file_becomes_a_product_with_its_redshifts_drawn(browser, address, product):
    page = visit(browser, address)
    page.goto(address + product)
    assert page.locator("figure.chart svg[role=img]").count() >= 2
    page.goto(f"{address}{product}?tab=plots")
    for key in ("redshift", "magnitude", "colour", "redshift_error", "sky"):
        page.locator(f"#plot-{key}").scroll_into_view_if_needed()
        page.wait_for_selector(f"#plot-{key} svg[role=img]")
    assert page.complaints == []
    page.context.close()


PAGES = ("/", "/products", "/product/new", "/account", "{}", "{}?tab=columns", "{}?tab=use",
         "{}?tab=table", "{}?tab=provenance", "{}/edit", "{}/upload/2", "{}/upload/3", "{}/delete",
         "/query", "/jobs", "/pipelines", "/pipelines/training_set_maker", "/datasets",
         "/help", "/acknowledgement", "/login")  # fmt: skip

OPERATORS_PAGES = (
    "/admin",
    "/dataset/new",
    "/dataset/seen_together",
    "/dataset/seen_together/edit",
)


@pytest.fixture(scope="module")
def dataset(browser, address):
    """Do what a coordinator does: publish an official product, and put it into a dataset."""
    page = visit(browser, address, "cora", width=390, theme="dark")
    page.fill("#display_name", "Chosen redshifts")
    page.select_option("#product_type", "other")
    page.check("input[name=official]")
    page.select_option("#visibility", "members")
    page.click("summary:has-text('More')")
    page.fill("#data_url", "https://example.org/chosen")
    page.click("text=Next: files")
    page.goto(page.url.replace("/upload/2", "/upload/4"))
    page.click("button:has-text('Publish')")
    page.wait_for_selector("h1 .badge:has-text('official')")
    assert page.locator("h1 .badge:has-text('members only')").count() == 1
    chosen = page.url
    page.goto(f"{address}/dataset/new")
    page.fill("#title", "Seen together")
    page.fill("#description", "What **belongs** together.")
    page.fill("#products", "nothing")
    page.fill("#links", "The survey https://example.org/survey")
    page.click("main button:has-text('Save')")
    page.wait_for_selector("#products-error")
    page.fill("#products", chosen)
    # The refused form is told to the console by its status alone.
    page.complaints.clear()
    page.click("main button:has-text('Save')")
    page.wait_for_selector("td:has-text('Chosen redshifts')")
    page.click("main >> text=Change >> nth=0")
    page.fill("#title", "Seen together once more")
    page.click("main button:has-text('Save')")
    page.wait_for_selector("h1:has-text('once more')")
    assert page.complaints == []
    page.context.close()


def test_what_is_for_members_is_not_shown_without_an_account(browser, address, dataset):
    page = browser.new_context().new_page()
    page.goto(f"{address}/dataset/seen_together")
    assert page.locator("strong:has-text('belongs')").count() == 1
    assert "Chosen redshifts" not in page.content()
    page.context.close()


@pytest.mark.usefixtures("dataset")
@pytest.mark.parametrize("look", [{"width": 1280}, {"width": 390, "theme": "dark"}])
@pytest.mark.parametrize("who", ["ann", "op"])
def test_pages_fit_complain_of_nothing_and_are_accessible(browser, address, product, who, look):
    page = visit(browser, address, who, **look)
    for path in PAGES if who == "ann" else OPERATORS_PAGES:
        page.goto(address + path.format(product))
        page.wait_for_load_state("networkidle")
        found = axe.Axe().run(page).response["violations"]
        bad = [each["id"] for each in found if each["impact"] in ("serious", "critical")]
        assert bad == [], path
        wider = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wider <= 0, path
        assert page.complaints == [], path
    page.context.close()


def test_product_is_made_without_scripts(browser, address, tmp_path):
    file = tmp_path / "three.csv"
    file.write_text("ra,dec,z\n" + "".join(f"{i},{i},0.{i}\n" for i in range(1, 9)))
    page = visit(browser, address, scripts=False)
    page.fill("#display_name", "plain")
    page.select_option("#product_type", "training_set")
    page.click("text=Next: files")
    page.set_input_files("#file", file)
    page.click("form[enctype] button >> nth=0")
    page.click("text=Next: columns")
    page.click("text=Accept all suggestions")
    page.click("text=Next: check and publish")
    page.click("button:has-text('Publish')")
    page.wait_for_selector("text=Query this table")
    page.click("summary:has-text('ann')")
    page.click("text=Log out")
    page.wait_for_selector("text=Log in")
    page.context.close()
