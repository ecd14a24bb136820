"""Copying all products of a Photo-z Server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from registry.errors import MetadataUnavailable, RegistryError, StorageFull
from registry.model.product import Product
from vo_service.importing.copying import ProductCopier
from vo_service.importing.errors import SourceRefused, SourceUnreachable
from vo_service.importing.plan import PlannedProduct

__all__ = ["ImportResult", "copy_products"]


@dataclass(frozen=True, slots=True)
class ImportResult:
    """How it went with a product.

    Attributes
    ----------
    planned
        What was to be done.
    product
        What is here now; absent if it was not completed.
    reason
        Why it was not.
    notes
        What could not be copied of it.
    """

    planned: PlannedProduct
    product: Product | None
    reason: str = ""
    notes: tuple[str, ...] = ()


def copy_products(
    copier: ProductCopier,
    planned: list[PlannedProduct],
    report: Callable[[str, float | None], None],
    done: Callable[[ImportResult], None],
) -> None:
    """Copy products one after the other; one that cannot be copied does not keep others back.

    Parameters
    ----------
    copier
        Copies one.
    planned
        What is to be copied.
    report
        Is told the step, and how much of all is done.
    done
        Is told how it went, product by product.

    Raises
    ------
    SourceUnreachable
        If the source does not answer any more; another run goes on there.
    StorageFull, MetadataUnavailable
        If nothing more can be kept.
    """
    for number, each in enumerate(planned):
        label = f"{number + 1}/{len(planned)} {each.source.display_name[:40]}"

        def step(what: str, part: float | None, number: int = number, label: str = label) -> None:
            report(f"{label}: {what}", (number + (part or 0.0)) / len(planned))

        step("asking the server", None)
        try:
            product = copier.copy(each, step)
        except (SourceUnreachable, StorageFull, MetadataUnavailable):
            raise
        except SourceRefused as error:
            done(ImportResult(each, None, f"at the source: {error}", copier.notes(each.source)))
        except RegistryError as error:
            done(ImportResult(each, None, str(error), copier.notes(each.source)))
        else:
            done(ImportResult(each, product, notes=copier.notes(each.source)))
