"""Pages of pipelines: the list, and a form for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request

from pipelines.catalogue import OfferedPipeline, PipelineCatalogue
from pipelines.errors import ConfigurationRejected, InputsRejected, PipelineError
from pipelines.request import PipelineRequest
from registry.errors import ProductNotFound, RegistryError
from registry.model.principal import Principal
from registry.model.product import Product, ProductStatus
from registry.model.release import Release
from registry.product_types import product_type_named
from registry.products.service import ProductService
from registry.releases import ReleaseService
from registry.stores.metadata.selection import ProductFilter
from vo_service.api.processes import ProcessNotFound, ProcessRefused
from vo_service.processing.dry_run import DryRuns
from vo_service.processing.service import ProcessingService
from vo_service.slots import ServiceBusy
from vo_service.web.pipeline_form import PipelineForm
from vo_service.web.shell import Shell

__all__ = ["PipelineViews"]

_INPUTS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class PipelineViews:
    """Views of pipelines; the addresses of the list and of each answer programs too."""

    catalogue: PipelineCatalogue
    processes: ProcessingService
    dry_runs: DryRuns
    products: ProductService
    releases: ReleaseService
    shell: Shell

    def install(self, blueprint: Blueprint) -> None:
        """Add the routes of forms."""
        for end, view in (
            ("form", self.fill_pipeline),
            ("report", self.report_pipeline),
            ("run", self.run_pipeline),
        ):
            rule = f"/pipelines/<name>/{end}"
            blueprint.add_url_rule(rule, view.__name__, view, methods=["POST"])

    def show_list(self) -> Response:
        """Show the pipelines."""
        return self.shell.render("pipelines.html", pipelines=list(self.catalogue))

    def show_pipeline(self, name: str) -> Response:
        """Show the form of one, empty or as another run was asked for."""
        offered = self.catalogue.pipeline(name)
        specification, principal = offered.specification, self.shell.principal()
        inputs = tuple(request.args.getlist("input"))
        form = PipelineForm.empty(specification, inputs=inputs)
        earlier = request.args.get("again", "")
        if earlier and principal.user is not None:
            form = self._again(principal, offered, earlier)
        return self._page(offered, form)

    def fill_pipeline(self, name: str) -> Response:
        """Show the form with what was put into it, changed by a button."""
        offered, form = self._sent(name)
        return self._page(offered, form)

    def report_pipeline(self, name: str) -> Response:
        """Let the pipeline look at its inputs, and say what would come of them."""
        offered, form = self._sent(name)
        user = self.shell.member().user or ""

        def look() -> Response:
            asked = PipelineRequest.parse(offered.specification, form.parameters())
            summary = self.dry_runs.check(offered, user, asked, form.files())
            return self._page(offered, form, report=summary)

        return self._tried(offered, form, look)

    def run_pipeline(self, name: str) -> Response:
        """Make the job, and show it."""
        offered, form = self._sent(name)
        principal = self.shell.member()

        def start() -> Response:
            made = self.processes.run(principal, name, form.parameters(), form.files())
            return self.shell.see(f"/jobs/{made.id}")

        return self._tried(offered, form, start)

    def _sent(self, name: str) -> tuple[OfferedPipeline, PipelineForm]:
        self.shell.member()
        offered = self.catalogue.pipeline(name)
        return offered, PipelineForm.parse(offered.specification, request.form)

    def _tried(
        self, offered: OfferedPipeline, form: PipelineForm, act: Callable[[], Response]
    ) -> Response:
        """Do something; what is wrong with the form is shown in the form."""
        try:
            return act()
        except (ConfigurationRejected, InputsRejected) as error:
            errors = form.errors(error.problems)
        except ProcessRefused as error:
            errors = form.errors([text for texts in error.problems.values() for text in texts])
        except ServiceBusy as error:
            return self._page(offered, form, 503, errors={"": self.shell.sentence(error)})
        except (PipelineError, RegistryError) as error:
            errors = {"": self.shell.sentence(error)}
        return self._page(offered, form, 422, errors=errors)

    def _again(self, principal: Principal, offered: OfferedPipeline, job: str) -> PipelineForm:
        try:
            made = self.processes.process(principal, job)
        except ProcessNotFound:
            return PipelineForm.empty(offered.specification)
        inputs = [str(each) for each in made.inputs]
        form = PipelineForm.empty(offered.specification, made.used_config.get("param"), inputs)
        values = {**form.values, "NAME": made.display_name, "RELEASE": made.release or ""}
        return PipelineForm(offered.specification, values, form.inputs)

    def _page(
        self,
        offered: OfferedPipeline,
        form: PipelineForm,
        status: int = 200,
        **values: Any,  # noqa: ANN401 - what the page shows besides
    ) -> Response:
        principal = self.shell.principal()
        known = principal.user is not None
        return self.shell.render(
            "pipeline.html",
            status,
            pipeline=offered,
            form=form,
            groups=[self._group(principal, form, name) for name in form.inputs] if known else [],
            releases=self._releases(principal, offered) if known else [],
            **values,
        )

    def _releases(self, principal: Principal, offered: OfferedPipeline) -> list[Release]:
        made = product_type_named(offered.specification.output_type)
        return self.releases.releases(principal) if made.release_allowed else []

    def _group(self, principal: Principal, form: PipelineForm, name: str) -> dict[str, Any]:
        group = form.specification.group(name)
        types = () if group is None else group.product_types
        wanted = ProductFilter(
            exact={"status": int(ProductStatus.PUBLISHED)},
            any_of={"product_type": types},
            search=" ".join(form.find.get(name, "").split()) or None,
            ordering=("-created_at", "-id"),
            limit=_INPUTS_SHOWN + len(form.inputs[name]),
        )
        chosen = [self._product(principal, reference) for reference in form.inputs[name]]
        ids = {product.id for _, product in chosen if product is not None}
        found = self.products.select(principal, wanted)
        offered = [each for each in found.products if each.id not in ids][:_INPUTS_SHOWN]
        return {
            "group": group,
            "chosen": chosen,
            "offered": [(each, self._roles(principal, each)) for each in offered],
            "left_out": max(0, found.count - len(offered) - len(ids)),
        }

    def _product(self, principal: Principal, reference: str) -> tuple[str, Product | None]:
        is_number = reference.isascii() and reference.isdigit() and len(reference) < 19
        try:
            key: int | str = int(reference) if is_number else reference
            return reference, self.products.product(principal, key)
        except ProductNotFound:
            return reference, None

    def _roles(self, principal: Principal, product: Product) -> list[str]:
        contents = self.products.contents.select(principal, product.id)
        return [each.alias for each in contents if each.alias]
