"""Locks that a process puts on itself before it touches what a stranger sent.

Limits of memory, time and files hold on every POSIX system. On Linux the process also gives up
gaining privileges and dies with its parent. Landlock takes the rest of the file system; seccomp
takes sockets, other processes and what manages the host.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from registry.host.landlock import landlock_version, restrict_files
from registry.host.system_calls import refuse_system_calls, seccomp_works

__all__ = ["confine", "missing_locks"]

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38

_NO_FILES = (
    "no Landlock (it is in Linux from 5.13 on): a damaged file that takes over its reader could "
    "read the files of the service"
)

_NO_CALLS = (
    "no seccomp filters (they need libseccomp2): a damaged file that takes over its reader could "
    "open sockets and signal other processes"
)

_GRACE_S = 5
"""Between SIGXCPU, which says what happened, and the SIGKILL that nobody can ignore."""

_SYSTEM_FOLDERS = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo")
"""Where the loader finds the shared libraries of modules that are imported late."""

_SYSTEM_FILES = (
    "/etc/ld.so.cache", "/dev/urandom", "/proc/meminfo", "/proc/cpuinfo",
    "/proc/self/cgroup", "/proc/sys/vm/overcommit_memory", "/sys/fs/cgroup",
    "/sys/devices/system/cpu/online",
)  # fmt: skip
"""What libraries ask to know how large the host is; DuckDB ends the process where it may not."""


def missing_locks() -> tuple[str, ...]:
    """Say what `confine` cannot do on this host, and what that means; empty if nothing."""
    missing = []
    if not landlock_version():
        missing.append(_NO_FILES)
    if not seccomp_works():
        missing.append(_NO_CALLS)
    return tuple(missing)


def confine(
    readable: Iterable[Path],
    writable: Iterable[Path],
    *,
    memory_bytes: int,
    cpu_s: int,
    open_files: int,
    file_bytes: int,
    processes: bool = False,
) -> tuple[str, ...]:
    """Limit this process for the rest of its life.

    It may start threads and signal itself, and use the descriptors that it has. It must do this
    before it imports libraries: Landlock does not bind the threads that are already there.

    Parameters
    ----------
    readable
        Files and folders that may be read, besides Python and its libraries.
    writable
        Folders in which files may be made.
    memory_bytes
        Private memory.
    cpu_s
        Processor time; the process is ended by SIGXCPU beyond it.
    open_files
        Descriptors at once.
    file_bytes
        Size of a file that is written.
    processes
        Whether it may start processes, which inherit the locks.

    Returns
    -------
    tuple of str
        What is missing of the locks on this host; empty if all are on.
    """
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, cpu_s, grace=_GRACE_S)
    _limit(resource.RLIMIT_NOFILE, open_files)
    _limit(resource.RLIMIT_FSIZE, file_bytes)
    # Not the address space: a mapped file would count, however large.
    _limit(resource.RLIMIT_DATA, memory_bytes)
    if sys.platform != "linux":
        return (_NO_FILES, _NO_CALLS)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return (_NO_FILES, _NO_CALLS)
    missing = []
    if not restrict_files([*readable, *_own_places()], [*writable, Path(os.devnull)]):
        missing.append(_NO_FILES)
    if not refuse_system_calls(processes=processes):
        missing.append(_NO_CALLS)
    return tuple(missing)


def _limit(kind: int, value: int, grace: int = 0) -> None:
    _, hard = resource.getrlimit(kind)
    most = value + grace if hard == resource.RLIM_INFINITY else min(value + grace, hard)
    with suppress(ValueError, OSError):
        resource.setrlimit(kind, (min(value, most), most))


def _own_places() -> list[Path]:
    # A checkout is on the path as a whole, but may have its data beside the code.
    package = Path(__file__).resolve().parents[1]
    folders = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix]
    folders += [entry for entry in sys.path if entry and Path(entry) != package.parent]
    if sys.pycache_prefix is not None:
        folders.append(sys.pycache_prefix)
    return [package, *(Path(p) for p in (*folders, *_SYSTEM_FOLDERS, *_SYSTEM_FILES))]
