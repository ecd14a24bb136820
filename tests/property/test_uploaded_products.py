"""Whatever is uploaded: it is refused with words or published whole, and nothing is half there."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shelf import ADA, Shelf

from registry.errors import RegistryError
from registry.model.product import ProductStatus

CELLS = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.floats().map(str),
    st.text(max_size=8),
    st.sampled_from(["", "nan", "NULL", "-99", "1e400", "\x00", "=1+1"]),
)
TABLES = st.lists(st.lists(CELLS, min_size=1, max_size=4).map(",".join), max_size=6).map(
    lambda rows: "\n".join(rows).encode("utf-8", "replace")
)
CONTENTS = st.one_of(st.binary(max_size=200), TABLES, st.just(b"ra,dec,z\n1,2,3\n"))
NAMES = st.one_of(
    st.sampled_from(["a.csv", "a.fits", "a.pkl", "a.html", "a.zip", "a.parquet", "A.CSV.GZ"]),
    st.text(max_size=20),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(CONTENTS, NAMES, st.sampled_from(["redshift_catalog", "training_set", "other"]))
def test_uploads_are_whole_or_refused(content, name, product_type):
    with tempfile.TemporaryDirectory() as folder:
        shelf = Shelf(Path(folder) / "home")
        try:
            product = shelf.draft(product_type=product_type)
            try:
                shelf.add(product, content, name)
                shelf.service.register(ADA, product.id)
                shelf.associate(product, ra="RA", dec="Dec", z="z")
                shelf.service.publish(ADA, product.id)
            except RegistryError as error:
                said = str(error)
            else:
                said = "published"
            assert said
            after = shelf.service.product(ADA, product.id)
            files = shelf.service.files.select(ADA, product.id)
            tables = [p for p in shelf.on_disk() if p.startswith("tables")]
            assert [p for p in shelf.on_disk() if p.startswith("staging")] == []
            assert (after.table_name in shelf.tables_of(ADA)) == bool(tables)
            assert bool(tables) == (after.version is not None)
            if after.status is ProductStatus.PUBLISHED:
                assert b"".join(shelf.service.downloads.product(ADA, product.id).read())
            assert len(files) <= 1
            if files:
                shelf.service.preview(ADA, product.id)
            shelf.service.delete(ADA, product.id)
            shelf.sweep()
            assert shelf.on_disk() == []
        finally:
            shelf.close()
