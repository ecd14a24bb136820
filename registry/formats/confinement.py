"""Locks that a process puts on itself before it reads a file from a stranger.

Limits of memory, time and files hold on every POSIX system. On Linux the process also gives up
gaining privileges, dies with its parent, and, from kernel 5.13 on, loses the rest of the file
system and the network (Landlock).
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import stat
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

__all__ = ["confine"]

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""Numbers of Landlock's system calls, the same on all architectures of Linux."""

_WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE = 1 << 1, 1 << 2, 1 << 3, 1 << 14

_FILE_RIGHTS = _WRITE_FILE | _READ_FILE | _TRUNCATE

_READ = _READ_FILE | _READ_DIR

_CHANGE = _READ | _WRITE_FILE | _TRUNCATE | (1 << 4) | (1 << 5) | (1 << 7) | (1 << 8)
"""Besides reading and writing: remove folders and files, make folders and files."""

_RIGHTS_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""All rights on files that a version of Landlock knows (linux/landlock.h)."""

_GRACE_S = 5
"""Between SIGXCPU, which says what happened, and the SIGKILL that nobody can ignore."""

_SYSTEM_FOLDERS = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo")
"""Where the loader finds the shared libraries of modules that are imported late."""

_SYSTEM_FILES = ("/etc/ld.so.cache", "/dev/urandom", "/proc/meminfo", "/proc/cpuinfo")


def confine(
    readable: Iterable[Path],
    writable: Iterable[Path],
    *,
    memory_bytes: int,
    cpu_s: int,
    open_files: int,
    file_bytes: int,
) -> bool:
    """Limit this process for the rest of its life.

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

    Returns
    -------
    bool
        Whether the file system is locked as well.
    """
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, cpu_s, grace=_GRACE_S)
    _limit(resource.RLIMIT_NOFILE, open_files)
    _limit(resource.RLIMIT_FSIZE, file_bytes)
    # Not the address space: a mapped file would count, however large.
    _limit(resource.RLIMIT_DATA, memory_bytes)
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return _lock_files(libc, [*readable, *_own_places()], [*writable, Path(os.devnull)])


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
    return [package, *(Path(p) for p in (*folders, *_SYSTEM_FOLDERS, *_SYSTEM_FILES))]


def _lock_files(libc: ctypes.CDLL, readable: list[Path], writable: list[Path]) -> bool:
    abi = libc.syscall(_CREATE_RULESET, None, 0, 1)
    if abi < 1:
        return False
    handled = max(rights for version, rights in _RIGHTS_BY_ABI.items() if version <= abi)
    network = 0b11 if abi >= 4 else 0
    attributes = struct.pack("=QQ", handled, network)[: 16 if abi >= 4 else 8]
    ruleset = libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    try:
        for path in readable:
            _allow(libc, ruleset, path, _READ & handled)
        for path in writable:
            _allow(libc, ruleset, path, _CHANGE & handled)
        return bool(libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _FILE_RIGHTS
        libc.syscall(_ADD_RULE, ruleset, 1, struct.pack("=Qi", rights, descriptor), 0)
    finally:
        os.close(descriptor)
