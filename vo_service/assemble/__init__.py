"""The composition root: the only package that names concrete engines, stores and executors."""

from __future__ import annotations

from vo_service.assemble.jobs import WorkerProcess, make_worker
from vo_service.assemble.services import Services, assemble, prepare
from vo_service.assemble.web import make_app

__all__ = ["Services", "WorkerProcess", "assemble", "make_app", "make_worker", "prepare"]
