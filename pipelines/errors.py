"""Errors of the pipelines package.

The tree::

    PipelineError
        PipelineNotFound
        ConfigurationRejected(problems)
        InputsRejected(problems)
        PipelineFailed
        RunStopped
        RunFolderDamaged

`ConfigurationRejected` and `InputsRejected` bring every problem at once, one sentence each.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "ConfigurationRejected",
    "InputsRejected",
    "PipelineError",
    "PipelineFailed",
    "PipelineNotFound",
    "RunFolderDamaged",
    "RunStopped",
]


class PipelineError(Exception):
    """Root of every error that the pipelines package raises for its callers."""


class PipelineNotFound(PipelineError):
    """Say that there is no such pipeline, or that this installation does not offer it."""


class _Rejected(PipelineError):
    """Say that something was not accepted, with every problem at once.

    Parameters
    ----------
    problems
        One sentence each; they name the key, column or line and say what to do.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class ConfigurationRejected(_Rejected):
    """Say that a configuration cannot work; nothing was read."""


class InputsRejected(_Rejected):
    """Say that the inputs cannot be used; nothing was computed."""


class PipelineFailed(PipelineError):
    """Say that a run came to nothing; the message is for its owner and names the reason."""


class RunStopped(PipelineError):
    """Leave a run because it was told to stop."""


class RunFolderDamaged(PipelineError):
    """Say that a run folder lacks a document, or has one that cannot be read."""
