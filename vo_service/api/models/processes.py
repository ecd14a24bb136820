"""Documents about pipelines and their processes."""

from __future__ import annotations

import ast
import json
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, field_validator

from vo_service.api.models.base import Answer, Sent
from vo_service.api.models.products import Id, Name, ProductAnswer

__all__ = ["LogAnswer", "LogsAnswer", "NewProcess", "PipelineAnswer", "ProcessAnswer"]

_CONFIG_MAX_CHARACTERS = 200_000


class PipelineAnswer(Answer):
    """A pipeline."""

    id: int
    name: str
    display_name: str
    version: str
    description: str
    created_at: datetime
    system_config: dict[str, Any]
    output_product_type: int
    product_types_accepted: list[int]


class ProcessAnswer(Answer):
    """A run of a pipeline; `status` is Pending, Running, Successful, Failed or Stopped."""

    id: str
    release: int | None
    release_name: str | None
    pipeline_name: str
    pipeline_version: str
    owned_by: str
    is_owner: bool
    provenance_inputs: list[ProductAnswer]
    used_config: dict[str, Any]
    display_name: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    orchestration_process_id: str | None
    status: str
    path: str | None
    comment: str | None
    pipeline: int | None
    upload: int | None
    inputs: list[int]


class LogAnswer(Answer):
    """Logs: their names, and their contents in the same order."""

    filename: list[str]
    content: list[str]


class LogsAnswer(Answer):
    """The logs of a process; `slurm` is what was written around the pipeline, on any executor."""

    pipeline: LogAnswer
    slurm: LogAnswer


class NewProcess(Sent):
    """A process that is wanted; `used_config` may be an object, or a text that holds one."""

    display_name: Name
    pipeline: Id
    inputs: Annotated[list[Id], Field(min_length=1, max_length=1000)]
    used_config: dict[str, Any] = Field(default_factory=dict)
    release: Id | None = None
    description: Annotated[str, Field(max_length=200_000)] | None = None
    pz_code: Annotated[str, Field(max_length=55)] | None = None
    official_product: bool = False
    output_format: Annotated[str, Field(max_length=40)] | None = None

    @field_validator("release", "description", "pz_code", "output_format", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("inputs", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, str | int) else value

    @field_validator("used_config", mode="before")
    @classmethod
    def _parse(cls, value: object) -> object:
        if value is None or value == "":
            return {}
        if not isinstance(value, str):
            return value
        if len(value) > _CONFIG_MAX_CHARACTERS:
            message = f"Ensure this field has no more than {_CONFIG_MAX_CHARACTERS} characters."
            raise ValueError(message)
        return _parse_object(value)


def _parse_object(text: str) -> object:
    """Read JSON, or a Python literal, which older clients send."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        message = "Give a JSON object."
        raise ValueError(message) from None
