"""Landlock: a process gives up the file system, the network and signals to others (Linux 5.13)."""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

__all__ = ["landlock_version", "restrict_files"]

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""Numbers of Landlock's system calls, the same on all architectures of Linux."""

_WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE = 1 << 1, 1 << 2, 1 << 3, 1 << 14

_FILE_RIGHTS = _WRITE_FILE | _READ_FILE | _TRUNCATE

_READ = _READ_FILE | _READ_DIR

_CHANGE = _READ | _WRITE_FILE | _TRUNCATE | (1 << 4) | (1 << 5) | (1 << 7) | (1 << 8)
"""Besides reading and writing: remove folders and files, make folders and files."""

_RIGHTS_BY_VERSION = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""All rights on files that a version of Landlock knows (linux/landlock.h)."""

_NETWORK_VERSION, _TCP = 4, 0b11
"""From this version on: binding and connecting by TCP."""

_SCOPE_VERSION, _SCOPES = 6, 0b11
"""From this version on: abstract Unix sockets of others, and signals to others."""


def landlock_version() -> int:
    """Tell the version of Landlock that this host offers; 0 where there is none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_libc().syscall(_CREATE_RULESET, None, 0, 1)))


def restrict_files(readable: Iterable[Path], writable: Iterable[Path]) -> bool:
    """Give up everything of the file system but these, for the rest of this process.

    The process must have given up new privileges before. Threads that are already there keep what
    they have.

    Parameters
    ----------
    readable
        Files and folders.
    writable
        Folders in which files may be made, and single files.

    Returns
    -------
    bool
        Whether it is done; not if this host has no Landlock.
    """
    version = landlock_version()
    if not version:
        return False
    libc = _libc()
    handled = max(rights for known, rights in _RIGHTS_BY_VERSION.items() if known <= version)
    attributes = struct.pack("=Q", handled)
    if version >= _NETWORK_VERSION:
        attributes += struct.pack("=Q", _TCP)
    if version >= _SCOPE_VERSION:
        attributes += struct.pack("=Q", _SCOPES)
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


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
