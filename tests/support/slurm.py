"""A real Slurm on this host, of Debian's packages: a controller and two imitated nodes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo")
PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
PATIENCE_S = 240
CONFIGURATION = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={home}/munge.socket
CredType=cred/munge
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/spool-%n
SlurmctldPidFile={home}/slurmctld.pid
SlurmdPidFile={home}/slurmd-%n.pid
SlurmctldLogFile={home}/slurmctld.log
SlurmdLogFile={home}/slurmd-%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=1,sched_min_interval=100000
ReturnToService=2
KillWait=5
CompleteWait=0
MinJobAge=600
SlurmdTimeout=20
InactiveLimit=0
DefMemPerCPU=100
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=1-00:00:00 DefaultTime=10 State=UP
"""


@dataclass
class Cluster:
    """A running cluster; `conf` is its ``slurm.conf``."""

    home: Path
    cpus: int = 4
    processes: dict[str, subprocess.Popen] = field(default_factory=dict)

    @property
    def conf(self) -> Path:
        return self.home / "slurm.conf"

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": PATH, "SLURM_CONF": str(self.conf), "LANG": "C.UTF-8"}

    def command(self, *words: str) -> str:
        done = subprocess.run(
            words, env=self.environment, capture_output=True, text=True, timeout=30, check=False
        )
        return done.stdout

    def run(self, name: str, *words: str) -> None:
        with (self.home / f"{name}.out").open("ab") as out:
            self.processes[name] = subprocess.Popen(
                words, env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip

    def start(self) -> None:
        host = socket.gethostname().partition(".")[0]
        (self.home / "state").mkdir()
        key = self.home / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        ports = _free_ports(3)
        nodes = "\n".join(
            f"NodeName=node{n} NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[n]} "
            f"CPUs={self.cpus} RealMemory=4000 State=UNKNOWN"
            for n in (1, 2)
        )
        self.conf.write_text(
            CONFIGURATION.format(host=host, controller=ports[0], home=self.home, nodes=nodes)
        )
        (self.home / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        self.run(
            "munged", "munged", "--foreground", "--force", f"--socket={self.home}/munge.socket",
            f"--key-file={key}", f"--log-file={self.home}/munged.log", "--num-threads=2",
            f"--pid-file={self.home}/munged.pid", f"--seed-file={self.home}/munged.seed",
        )  # fmt: skip
        self.until((self.home / "munge.socket").exists, "munged")
        self.start_controller("-i")
        for n in (1, 2):
            self.start_node(n)
        self.until(lambda: self.command("sinfo", "-h", "-N", "-o", "%T").split() == ["idle"] * 2)

    def start_controller(self, *options: str) -> None:
        self.run("slurmctld", "slurmctld", "-D", *options, "-f", str(self.conf))
        self.until(lambda: " is UP" in self.command("scontrol", "ping"), "slurmctld")

    def stop_controller(self) -> None:
        self._end("slurmctld")

    def start_node(self, number: int) -> None:
        (self.home / f"spool-node{number}").mkdir(exist_ok=True)
        self.run(f"slurmd{number}", "slurmd", "-D", "-N", f"node{number}", "-f", str(self.conf))

    def jobs(self) -> list[str]:
        """List the states of the jobs that are not over."""
        return self.command("squeue", "-h", "-o", "%T").split()

    def until(self, condition, name: str | None = None):
        deadline = time.monotonic() + PATIENCE_S
        while not (found := condition()):
            if name is not None and self.processes[name].poll() is not None:
                self.stop()
                pytest.skip(f"{name} does not run here: {self.said(name)}")
            if time.monotonic() > deadline:
                self.stop()
                pytest.skip(f"no Slurm here: {self.said('slurmctld')}")
            time.sleep(0.1)
        return found

    def said(self, name: str) -> str:
        lines = []
        for path in (self.home / f"{name}.out", self.home / f"{name}.log"):
            with suppress(OSError):
                lines += path.read_text(errors="replace").splitlines()
        return lines[-1] if lines else "it says nothing"

    def stop(self) -> None:
        with suppress(subprocess.TimeoutExpired, OSError):
            self.command("scancel", "-u", "root")
        for name in reversed(list(self.processes)):
            self._end(name)

    def _end(self, name: str) -> None:
        process = self.processes.pop(name)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def start_cluster(home: Path) -> Cluster:
    """Start a cluster, or skip where that cannot be."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]
    if missing:
        pytest.skip(
            f"no Slurm here ({', '.join(missing)}): apt-get install slurmctld slurmd slurm-client "
            "munge, without starting them"
        )
    if os.getuid() != 0:
        pytest.skip("the nodes of Slurm must be started by root")
    cluster = Cluster(home)
    cluster.start()
    return cluster


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
