"""Inputs of a job: found for its owner, of the right types, with every problem at once."""

from __future__ import annotations

from pipelines.errors import InputsRejected
from pipelines.request import PipelineRequest
from pipelines.shelf import ProductShelf, ShelfCatalogue, ShelfProduct
from pipelines.specification import InputSpecification, PipelineSpecification

__all__ = ["take_inputs"]


def take_inputs(
    shelf: ProductShelf, specification: PipelineSpecification, owner: str, request: PipelineRequest
) -> dict[str, list[ShelfProduct | ShelfCatalogue]]:
    """Find the inputs of a job as its owner may see them now.

    Parameters
    ----------
    shelf
        The products.
    specification
        Of the pipeline.
    owner
        Who runs.
    request
        What the job asks for.

    Raises
    ------
    InputsRejected
        With every input that is unknown, hidden, of another type, or lacks a column.
    """
    problems: list[str] = []
    found: dict[str, list[ShelfProduct | ShelfCatalogue]] = {}
    for group in specification.inputs:
        found[group.name] = []
        references = request.inputs.get(group.name, ())
        if group.of_release and not references and request.release is not None:
            try:
                name = request.param.get("catalog") or None
                found[group.name].append(shelf.catalogue(owner, request.release, name))
            except InputsRejected as error:
                problems += error.problems
        for reference in references:
            try:
                product = shelf.take(owner, reference)
            except InputsRejected as error:
                problems += error.problems
                continue
            problems += _misfits(group, product)
            found[group.name].append(product)
    if problems:
        raise InputsRejected(problems)
    return found


def _misfits(group: InputSpecification, product: ShelfProduct) -> list[str]:
    if product.product_type not in group.product_types:
        return [
            f"input {product.internal_name!r} is of type {product.product_type!r}, not "
            + " or ".join(group.product_types)
        ]
    aliases = {alias.casefold() for alias in product.columns}
    return [
        f"input {product.internal_name!r} has no column with the role {alias!r}; say which one "
        "it is in the columns of the product"
        for name in group.required
        if (alias := group.columns[name]) is not None and alias.casefold() not in aliases
    ]
