"""Tasks as jobs of a Slurm cluster, through its own commands."""

from uws.executors.slurm.executor import SlurmExecutor
from uws.executors.slurm.request import SlurmRequest

__all__ = ["SlurmExecutor", "SlurmRequest"]
