"""Seccomp: a process gives up system calls, for all of its threads (libseccomp2).

The calls are refused with an error, as if rights were missing, so that a library that tries one
for no good reason goes on. libseccomp knows the numbers of the calls on each architecture, and ends
a process that uses those of another one (32 bits, x32).
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from functools import cache

__all__ = ["refuse_system_calls", "seccomp_works"]

_LIBRARY = "libseccomp.so.2"
"""A part of each Debian (systemd and apt need it), and of the other distributions."""

_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000

_TSYNC = 4
"""Attribute of a filter: threads that are already there get it as well."""

_NOT_EQUAL, _MASKED_EQUAL = 1, 7

_CLONE_THREAD = 0x00010000
_FCNTL_OWNERS = (8, 10, 15)
"""F_SETOWN, F_SETSIG, F_SETOWN_EX: signals to others when a pipe has data."""
_IOCTL_OWNERS = (0x8901, 0x8902, 0x5412)
"""FIOSETOWN and SIOCSPGRP likewise; TIOCSTI types into somebody's terminal."""

_NETWORK = "socket socketpair connect bind listen accept accept4"

_OTHER_PROCESSES = """
    ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp pidfd_open
    pidfd_getfd pidfd_send_signal tkill rt_sigqueueinfo rt_tgsigqueueinfo perf_event_open
    migrate_pages move_pages setpriority ioprio_set sched_setaffinity sched_setattr sched_setparam
    sched_setscheduler shmget shmat shmctl semget semop semtimedop semctl msgget msgsnd msgrcv
    msgctl mq_open mq_unlink mq_notify
"""

_KERNEL = """
    io_uring_setup io_uring_enter io_uring_register keyctl add_key request_key bpf userfaultfd
    mount umount umount2 pivot_root chroot move_mount open_tree fsopen fsconfig fsmount fspick
    mount_setattr unshare setns personality name_to_handle_at open_by_handle_at fanotify_init
    init_module finit_module delete_module kexec_load kexec_file_load swapon swapoff reboot acct
    quotactl quotactl_fd syslog sethostname setdomainname settimeofday clock_settime adjtimex
    clock_adjtime stime iopl ioperm modify_ldt vhangup nfsservctl lookup_dcookie
    setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid setfsgid capset
"""

_ATTRIBUTES = """
    chmod fchmod fchmodat fchmodat2 chown fchown fchownat lchown setxattr lsetxattr fsetxattr
    setxattrat removexattr lremovexattr fremovexattr removexattrat
"""
"""Landlock does not bind these, so they would reach every file of the same user."""

_NEW_PROCESSES = "fork vfork execve execveat"


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


class _Filter:
    """A filter under construction, which lets through what has no rule."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._context = library.seccomp_init(_ALLOW)
        if not self._context:
            raise OSError(errno.ENOMEM, "no seccomp filter")
        library.seccomp_attr_set(self._context, _TSYNC, 1)

    def refuse(self, names: str, *comparisons: _Comparison, error: int = errno.EPERM) -> None:
        """Refuse calls; those that this architecture does not have are left out."""
        for name in names.split():
            number = self._library.seccomp_syscall_resolve_name(name.encode())
            if number < 0:
                continue
            added = self._library.seccomp_rule_add_array(
                self._context,
                _ERRNO | error,
                number,
                len(comparisons),
                (_Comparison * len(comparisons))(*comparisons),
            )
            if added < 0:
                raise OSError(-added, f"no rule for {name}")

    def load(self) -> bool:
        """Put it on this process; tell whether that worked."""
        loaded = self._library.seccomp_load(self._context)
        self._library.seccomp_release(self._context)
        return bool(loaded == 0)


@cache
def seccomp_works() -> bool:
    """Tell whether this host has seccomp filters, and the library that makes them."""
    library = _library()
    return library is not None and library.seccomp_api_get() > 0


def refuse_system_calls(*, processes: bool = False) -> bool:
    """Give up sockets, other processes, and what manages the host, for the rest of this process.

    Parameters
    ----------
    processes
        Whether this process may still start others and end them. Without, it has threads alone,
        and may send signals to itself alone.

    Returns
    -------
    bool
        Whether it is done; not if this host has no seccomp or no libseccomp.

    Raises
    ------
    OSError
        If the filter cannot be made; nothing is given up then.
    """
    library = _library()
    if library is None:
        return False
    rules = _Filter(library)
    rules.refuse(_NETWORK + _OTHER_PROCESSES + _KERNEL + _ATTRIBUTES)
    # Zero is this process; glibc sets its own limits by this call.
    rules.refuse("prlimit64", _Comparison(0, _NOT_EQUAL, 0))
    for command in _FCNTL_OWNERS:
        rules.refuse("fcntl fcntl64", _Comparison(1, _MASKED_EQUAL, 0xFFFFFFFF, command))
    for command in _IOCTL_OWNERS:
        rules.refuse("ioctl", _Comparison(1, _MASKED_EQUAL, 0xFFFFFFFF, command))
    if not processes:
        rules.refuse(_NEW_PROCESSES)
        rules.refuse("clone", _Comparison(0, _MASKED_EQUAL, _CLONE_THREAD, 0))
        # Its flags are in memory, where no filter looks; the C library then takes clone.
        rules.refuse("clone3", error=errno.ENOSYS)
        rules.refuse("kill tgkill", _Comparison(0, _NOT_EQUAL, os.getpid()))
    return rules.load()


@cache
def _library() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    try:
        library = ctypes.CDLL(_LIBRARY, use_errno=True)
    except OSError:
        return None
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_attr_set.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32]
    library.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]
    library.seccomp_rule_add_array.argtypes = [
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_void_p,
    ]
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    library.seccomp_release.argtypes = [ctypes.c_void_p]
    return library
