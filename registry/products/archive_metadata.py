"""What an archive says of the product that it holds."""

from __future__ import annotations

import yaml

from registry.model.product import Product
from registry.model.product_file import ProductContent, ProductFile
from registry.product_types import product_type_named

__all__ = ["product_metadata"]


def product_metadata(
    product: Product,
    main: ProductFile | None,
    contents: list[ProductContent],
    files: list[ProductFile],
) -> bytes:
    """Describe a product in YAML.

    Parameters
    ----------
    product, main, contents, files
        The product, its main file if it has one, the columns of that, and its other files.
    """
    product_type = product_type_named(product.product_type)
    document = {
        "id": product.id,
        "internal_name": product.internal_name,
        "display_name": product.display_name,
        "product_type": product_type.name,
        "product_type_name": product_type.display_name,
        "release": product.release,
        "uploaded_by": product.owner,
        "official_product": product.official,
        "pz_code": product.pz_code,
        "description": product.description,
        "release_year": product.release_year,
        "data_url": product.data_url,
        "creators": product.creators,
        "article": product.article,
        "doi": product.doi,
        "licence": product.licence,
        "visibility": product.visibility.value,
        "origin": product.origin or "Upload",
        "version": product.edition,
        "table": product.table_name if product.version is not None else None,
        "created_at": product.created.isoformat(),
        "updated_at": product.updated.isoformat(),
        "main_file": None if main is None else _described(main) | {"n_rows": main.n_rows},
        "associated_columns": [
            {
                "column_name": content.column_name,
                "alias": content.alias,
                "ucd": content.ucd,
                "unit": content.unit,
            }
            for content in contents
        ],
        "attach_files": [_described(file) | {"role": file.role.label} for file in files],
    }
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    return text.encode()


def _described(file: ProductFile) -> dict[str, object]:
    return {
        "name": file.name,
        "type": file.media_type,
        "size": file.size_bytes,
        "sha256": file.sha256,
        "is_directory": file.is_directory,
    }
