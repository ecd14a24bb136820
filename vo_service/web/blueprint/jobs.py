"""Pages of jobs: the list, and each of them, which follows what happens."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, request

from vo_service.web.jobs import JOBS_SHOWN, JobDesk
from vo_service.web.shell import Shell

__all__ = ["JobViews"]


@dataclass(frozen=True, slots=True)
class JobViews:
    """Views of jobs."""

    desk: JobDesk
    shell: Shell

    def install(self, blueprint: Blueprint) -> None:
        """Add the routes."""
        for rule, method, view in (
            ("/jobs", "GET", self.list_jobs),
            ("/jobs/<job_id>", "GET", self.show_job),
            ("/jobs/<job_id>/log", "GET", self.send_log),
            ("/jobs/<job_id>/abort", "POST", self.abort_job),
            ("/jobs/<job_id>/delete", "POST", self.delete_job),
            ("/jobs/<job_id>/repeat", "POST", self.repeat_job),
        ):
            blueprint.add_url_rule(rule, view.__name__, view, methods=[method])

    def list_jobs(self) -> Response:
        """Show the visitor's jobs."""
        principal = self.shell.member()
        asked = request.args.get("page", "")
        number = max(1, int(asked)) if asked.isascii() and asked.isdigit() and len(asked) < 7 else 1
        jobs, count = self.desk.page(principal, number)
        pages = max(1, -(-count // JOBS_SHOWN))
        template = "job/list.html" if _is_fragment() else "jobs.html"
        return self.shell.render(template, jobs=jobs, count=count, number=number, pages=pages)

    def show_job(self, job_id: str) -> Response:
        """Show a job."""
        seen = self.desk.job(self.shell.principal(), job_id)
        template = "job/status.html" if _is_fragment() else "job.html"
        return self.shell.render(template, seen=seen)

    def send_log(self, job_id: str) -> Response:
        """Send the whole log of a pipeline's job."""
        text = self.desk.log(self.shell.principal(), job_id)
        response = Response(text, content_type="text/plain; charset=utf-8")
        response.headers["Content-Disposition"] = 'attachment; filename="job.log"'
        return response

    def abort_job(self, job_id: str) -> Response:
        """Stop a job, and show it."""
        self.desk.abort(self.shell.principal(), job_id)
        return self.shell.see(f"/jobs/{job_id}")

    def delete_job(self, job_id: str) -> Response:
        """Remove a job, and show the others."""
        principal = self.shell.principal()
        self.desk.delete(principal, job_id)
        return self.shell.see("/query" if principal.user is None else "/jobs")

    def repeat_job(self, job_id: str) -> Response:
        """Run a query once more."""
        again = self.desk.repeat(self.shell.principal(), job_id, self.shell.address())
        return self.shell.see(f"/jobs/{again}")


def _is_fragment() -> bool:
    return "HX-Request" in request.headers
