"""What people take home: archives, main files, other formats."""

import io
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from astropy.io import fits
from astropy.io.votable import parse
from shelf import ADA, BOB, REDSHIFTS, Shelf, parquet

from registry.errors import ProductNotFound, ProductRefused
from registry.model.principal import ANONYMOUS
from registry.model.product_file import FileRole


@pytest.fixture
def shelf(tmp_path):
    made = Shelf(tmp_path / "home")
    yield made
    made.close()


def taken(download):
    content = b"".join(download.read())
    assert len(content) == download.size_bytes
    return content


def test_an_archive_holds_the_files_and_their_description(shelf):
    product = shelf.published()
    shelf.add(product, "<b>", "data.csv", FileRole.AUXILIARY)
    shelf.add(product, "mine", "product_metadata.yaml", FileRole.DESCRIPTION)
    download = shelf.service.downloads.product(ANONYMOUS, product.id)
    assert download.name == f"{product.internal_name}.zip"
    with zipfile.ZipFile(io.BytesIO(taken(download))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [
            "product_metadata.yaml", "data.csv", "data_2.csv", "product_metadata_2.yaml",
        ]  # fmt: skip
        assert archive.read("data.csv") == REDSHIFTS.encode()
        metadata = yaml.safe_load(archive.read("product_metadata.yaml"))
    assert metadata["display_name"] == "A set"
    assert metadata["main_file"]["n_rows"] == 3
    assert metadata["associated_columns"][1]["ucd"] == "pos.eq.ra;meta.main"
    assert [file["role"] for file in metadata["attach_files"]] == ["Auxiliary", "Description"]


def test_the_etag_changes_with_the_contents_alone(shelf):
    product = shelf.published()
    first = shelf.service.downloads.product(ADA, product.id)
    assert shelf.service.downloads.product(BOB, product.id).etag == first.etag
    main = shelf.service.downloads.main_file(ADA, product.id)
    assert (main.etag, main.size_bytes) == (main.sha256, len(REDSHIFTS))
    shelf.add(product, "x", "x.txt", FileRole.AUXILIARY)
    assert shelf.service.downloads.product(ADA, product.id).etag != first.etag
    assert shelf.service.downloads.main_file(ADA, product.id).etag == main.etag


def test_an_interrupted_download_goes_on_where_it_was(shelf):
    product = shelf.published()
    download = shelf.service.downloads.product(ADA, product.id)
    whole = taken(download)
    for start, stop in [(0, 1), (10, 50), (29, 30), (100, None), (len(whole) - 1, None)]:
        assert b"".join(download.read(start, stop)) == whole[start:stop]
    assert b"".join(download.read(len(whole), None)) == b""


@pytest.mark.parametrize("form", ["votable", "fits", "csv", "parquet", "hdf5"])
def test_tables_are_converted_with_what_is_known_of_their_columns(shelf, tmp_path, form):
    product = shelf.published()
    done = shelf.service.downloads.converted(BOB, product.id, form)
    path = Path(tmp_path / done.name)
    with done.file as file:
        path.write_bytes(file.read())
    assert path.stat().st_size == done.size_bytes
    assert path.stem == "data"
    if form == "votable":
        table = parse(path).get_first_table()
        assert [f.ucd for f in table.fields][1:4] == [
            "pos.eq.ra;meta.main", "pos.eq.dec;meta.main", "src.redshift",
        ]  # fmt: skip
        assert [f.unit and str(f.unit) for f in table.fields][1:3] == ["deg", "deg"]
        assert table.fields[1].ref == table.fields[2].ref == "icrs"
        values = table.array["ra"].tolist()
    elif form == "fits":
        with fits.open(path) as hdus:
            assert hdus[1].header["TUCD2"] == "pos.eq.ra;meta.main"
            assert hdus[1].header["TUNIT2"] == "deg"
            assert hdus[1].header["RADESYS"] == "ICRS"
            values = hdus[1].data["ra"].tolist()
    elif form == "csv":
        values = pd.read_csv(path)["ra"].tolist()
    elif form == "parquet":
        values = pq.read_table(path)["ra"].to_pylist()
    else:
        with h5py.File(path) as file:
            found = []
            file.visititems(lambda name, item: found.append(name) if name.endswith("ra") else None)
            values = np.asarray(file[found[0]]).tolist()
    assert values == [10.5, 11.5, 12.5]


def test_what_cannot_be_converted_is_refused(shelf):
    product = shelf.published()
    for form in ("html", "exe", ""):
        with pytest.raises(ProductRefused, match="no format"):
            shelf.service.downloads.converted(ADA, product.id, form)
    text = shelf.draft(product_type="other")
    shelf.add(text, b"%PDF-1.4", "a.pdf")
    shelf.service.publish(ADA, text.id)
    with pytest.raises(ProductRefused, match="no table"):
        shelf.service.downloads.converted(ADA, text.id, "csv")


def test_a_conversion_is_whole_before_it_is_sent_and_goes_with_its_file(shelf):
    product = shelf.published(
        content=parquet(ra=[1.0] * 9, dec=[1.0] * 9, z=[1.0] * 9), name="a.parquet"
    )
    done = shelf.service.downloads.converted(ADA, product.id, "csv")
    done.file.close()
    shelf.service.downloads.converted(ADA, product.id, "csv").file.close()
    assert len(list((shelf.home / "uploads" / "converted").glob("*.*"))) == 1


def test_what_is_hidden_cannot_be_downloaded(shelf):
    product = shelf.draft()
    shelf.add(product, REDSHIFTS)
    downloads = shelf.service.downloads
    for ask in (
        downloads.product,
        downloads.main_file,
        lambda w, k: downloads.converted(w, k, "csv"),
    ):
        with pytest.raises(ProductNotFound):
            ask(BOB, product.id)


def test_checksums_that_an_older_release_did_not_keep_are_made_up_for(shelf):
    from sqlalchemy import text

    product = shelf.published()
    before = taken(shelf.service.downloads.product(ADA, product.id))
    with shelf.database.writing() as connection:
        connection.execute(text("UPDATE product_files SET crc32 = NULL"))
    assert taken(shelf.service.downloads.product(ADA, product.id)) == before
