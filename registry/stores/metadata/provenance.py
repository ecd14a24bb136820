"""How products were made, in the metadata database."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from registry.model.provenance import Provenance, ProvenanceInput
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.schema import product_inputs, product_provenance

__all__ = ["SqlProvenanceStore"]


class SqlProvenanceStore:
    """Keeps the provenance of products.

    Parameters
    ----------
    database
        Prepared by `MetadataDatabase.prepare`.
    """

    def __init__(self, database: MetadataDatabase) -> None:
        self._database = database

    def save(self, product_id: int, provenance: Provenance) -> None:
        """Set how a product was made."""
        with self._database.writing() as connection:
            for table in (product_inputs, product_provenance):
                connection.execute(delete(table).where(table.c.product_id == product_id))
            connection.execute(
                insert(product_provenance).values(
                    product_id=product_id,
                    pipeline=provenance.pipeline,
                    pipeline_version=provenance.pipeline_version,
                    configuration=dict(provenance.configuration),
                    started=provenance.started,
                    ended=provenance.ended,
                )
            )
            rows = [
                {
                    "product_id": product_id,
                    "position": position,
                    "input_id": given.product_id,
                    "internal_name": given.internal_name,
                    "version": given.version,
                    "sha256": given.sha256,
                }
                for position, given in enumerate(provenance.inputs)
            ]
            if rows:
                connection.execute(insert(product_inputs), rows)

    def provenance(self, product_id: int) -> Provenance | None:
        """Fetch how a product was made; nothing for uploads."""
        with self._database.reading() as connection:
            row = connection.execute(
                select(product_provenance).where(product_provenance.c.product_id == product_id)
            ).one_or_none()
            if row is None:
                return None
            inputs = connection.execute(
                select(product_inputs)
                .where(product_inputs.c.product_id == product_id)
                .order_by(product_inputs.c.position)
            ).all()
        return Provenance(
            row.pipeline,
            row.pipeline_version,
            row.configuration,
            tuple(
                ProvenanceInput(given.input_id, given.internal_name, given.version, given.sha256)
                for given in inputs
            ),
            row.started,
            row.ended,
        )

    def used_by(self, product_id: int) -> list[int]:
        """List the ids of the products that were made from a product."""
        query = (
            select(product_inputs.c.product_id)
            .where(product_inputs.c.input_id == product_id)
            .distinct()
            .order_by(product_inputs.c.product_id)
        )
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())
