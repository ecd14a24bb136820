"""Routes of UWS 1.1 for one kind of job: a list of jobs, and the resources of each."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint

from uws.blueprint.answers import STATUS, error_answer, mark_private, stream_result
from uws.blueprint.views import ErrorDocument, JobViews, ResultResponse, UploadReceiver
from uws.errors import UwsError
from uws.model import Job, ParameterMerge, merge_parameters
from uws.service import JobService

__all__ = ["STATUS", "stream_result", "uws_blueprint"]


def _message_as_text(job: Job) -> tuple[bytes, str]:
    message = job.error.message if job.error else ""
    return f"{message}\n".encode(), "text/plain; charset=utf-8"


def _unsaid(name: str, value: str) -> bool | None:  # noqa: ARG001 - the default of a callback
    return None


def uws_blueprint(
    service: JobService,
    *,
    kind: str,
    jobs_url: str,
    owner: Callable[[], str | None],
    error_document: ErrorDocument = _message_as_text,
    result_response: ResultResponse = stream_result,
    accept_upload: UploadReceiver | None = None,
    by_reference: Callable[[str, str], bool | None] = _unsaid,
    merge: ParameterMerge = merge_parameters,
    address: Callable[[], str] = str,
    name: str = "uws",
) -> Blueprint:
    """Make the routes of the job list and of its jobs.

    Parameters
    ----------
    service
        The jobs.
    kind
        Of the jobs made and shown here.
    jobs_url
        Absolute public address of the job list, without trailing slash.
    owner
        Who asks, for the request at hand; none is anonymous.
    error_document
        Makes what ``/error`` serves.
    result_response
        Serves a result.
    accept_upload
        Keeps files that come with a request; without it they are refused. What it raises
        refuses the request, and a job just made for it goes.
    by_reference
        Tells whether a parameter, by name and value, is the URL of its value.
    merge
        Puts parameters that are sent later to those that a job has.
    address
        By which visitors without an account are told apart, for the request at hand.
    name
        Name of the blueprint, unique in the application.

    Notes
    -----
    UWS 1.1, section 2.2. Redirects are 303 with an absolute Location. Nothing is refused here
    for what the job would do: that is its handler's business, when it runs.
    """
    views = JobViews(
        service=service,
        kind=kind,
        jobs_url=jobs_url,
        owner=owner,
        error_document=error_document,
        result_response=result_response,
        accept_upload=accept_upload,
        by_reference=by_reference,
        address_of_visitor=address,
        merge=merge,
    )
    changeable = "<any(phase,executionduration,destruction,parameters):child>"
    blueprint = Blueprint(name, __name__)
    for rule, method, view in (
        ("", "GET", views.list_jobs),
        ("", "POST", views.create_job),
        ("/<job_id>", "GET", views.show_job),
        ("/<job_id>", "POST", views.change_job),
        ("/<job_id>", "DELETE", views.delete_job),
        ("/<job_id>/error", "GET", views.show_error),
        ("/<job_id>/results/<result_id>", "GET", views.show_result),
        ("/<job_id>/<path:child>", "GET", views.show_child),
        (f"/<job_id>/{changeable}", "POST", views.change_child),
    ):
        blueprint.add_url_rule(rule, view.__name__, view, methods=[method], strict_slashes=False)
    blueprint.register_error_handler(UwsError, error_answer)
    blueprint.after_request(mark_private)
    return blueprint
