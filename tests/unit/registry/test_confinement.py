"""What a process can still do after it has locked itself, tried from inside."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from registry.host.confinement import confine, missing_locks
from registry.host.landlock import landlock_version
from registry.host.system_calls import seccomp_works

ROOT = Path(__file__).resolve().parents[3]

PREAMBLE = """
import ctypes, errno, json, os, signal, socket, sys, threading
from pathlib import Path
from registry.host.confinement import confine
mine, scratch, secret, other = *map(Path, sys.argv[1:4]), int(sys.argv[4])
PROCESSES = sys.argv[5] == "processes"
pipe = os.pipe()
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)
def raw(name, *arguments):
    numbers = ctypes.CDLL("libseccomp.so.2").seccomp_syscall_resolve_name
    number = numbers(name.encode())
    if number < 0 or libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), name)
missing = confine([mine], [scratch], memory_bytes=2**31, cpu_s=20, open_files=64,
                  file_bytes=1000, processes=PROCESSES)
def tried(action):
    try:
        action()
    except OSError as error:
        return errno.errorcode.get(error.errno, "unknown")
    return "done"
def thread():
    done = []
    one = threading.Thread(target=done.append, args=(1,))
    one.start(); one.join()
    assert done
def caught(send):
    got = []
    signal.signal(signal.SIGUSR1, lambda *_: got.append(1))
    send()
    assert got
def forked():
    if (child := os.fork()) == 0:
        os._exit(0)
    os.waitpid(child, 0)
def forked_and_ended():
    if (child := os.fork()) == 0:
        signal.pause()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""

ALLOWED = {
    "read what it was given": "mine.read_bytes()",
    "make a file": "(scratch / 'x').touch()",
    "thread": "thread()",
    "signal itself": "caught(lambda: os.kill(os.getpid(), signal.SIGUSR1))",
    "raise": "caught(lambda: signal.raise_signal(signal.SIGUSR1))",
    "own limits": "__import__('resource').getrlimit(7)",
    "pipe": "os.pipe()",
}

NO_FILES = {
    "read another file": "secret.read_bytes()",
    "list another folder": "os.listdir(secret.parent)",
    "make a file elsewhere": "(secret.parent / 'y').touch()",
    "write what it may read": "mine.write_bytes(b'')",
    "program": "os.execv('/bin/sh', ['sh', '-c', 'true'])",
}

NO_CALLS = {
    **{
        f"socket {family}": f"socket.socket(socket.{family}, socket.{kind})"
        for family, kind in [
            ("AF_INET", "SOCK_STREAM"),
            ("AF_INET", "SOCK_DGRAM"),
            ("AF_INET6", "SOCK_STREAM"),
            ("AF_UNIX", "SOCK_STREAM"),
            ("AF_UNIX", "SOCK_DGRAM"),
            ("AF_NETLINK", "SOCK_RAW"),
            ("AF_VSOCK", "SOCK_STREAM"),
        ]
    },
    "pair of sockets": "socket.socketpair()",
    "trace": "call('ptrace', 16, other, 0, 0)",
    "memory of another": "call('process_vm_readv', other, None, 0, None, 0, 0)",
    "pidfd": "os.pidfd_open(other)",
    "limits of another": "__import__('resource').prlimit(other, 7)",
    "processors of another": "os.sched_setaffinity(other, {0})",
    "priority of another": "os.setpriority(os.PRIO_PROCESS, other, 5)",
    "signals by a pipe": "__import__('fcntl').fcntl(pipe[0], 8, other)",
    "typing into a terminal": "__import__('fcntl').ioctl(pipe[0], 0x5412, b'x')",
    "mode": "os.chmod(secret, 0o777)",
    "mode of its own": "os.chmod(mine, 0o777)",
    "owner": "os.chown(secret, os.getuid(), os.getgid())",
    "attribute": "os.setxattr(secret, 'user.a', b'1')",
    "user": "os.setuid(os.getuid())",
    "io_uring": "raw('io_uring_setup', 1, None)",
    "keys": "raw('keyctl', 0, 0, 0)",
    "bpf": "raw('bpf', 0, None, 0)",
    "userfaultfd": "raw('userfaultfd', 0)",
    "mount": "raw('mount', None, None, None, 0, None)",
    "namespace": "raw('unshare', 0)",
    "shared memory": "raw('shmget', 1, 4096, 0o1600)",
}

NO_PROCESSES = {
    "signal to another": "os.kill(other, 0)",
    "end another": "os.kill(other, signal.SIGKILL)",
    "signal to all": "os.kill(-1, 0)",
    "signal to its group": "os.kill(0, 0)",
    "signal to a thread of another": "raw('tgkill', other, other, 0)",
    "signal to a thread": "raw('tkill', other, 0)",
    "fork": "forked()",
    "raw fork": "raw('clone', signal.SIGCHLD, 0, 0, 0, 0)",
    "clone3": "raw('clone3', None, 0)",
    "spawn": "os.posix_spawn('/bin/true', ['true'], {})",
}

needs_seccomp = pytest.mark.skipif(not seccomp_works(), reason="this host has no seccomp")
needs_landlock = pytest.mark.skipif(not landlock_version(), reason="this host has no Landlock")


class Answers:
    """What the confined processes of this file printed, each asked once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mine, self.secret = folder / "mine", folder / "other" / "secret"
        self.mine.write_text("a")
        self.secret.parent.mkdir()
        self.secret.write_text("s")
        self.given: dict[str, str] = {}

    def ask(self, actions: dict[str, str], *, processes: bool = False) -> dict[str, str]:
        scratch = self.folder / f"scratch-{len(list(self.folder.iterdir()))}"
        scratch.mkdir()
        lines = [f"  {name!r}: tried(lambda: {action})," for name, action in actions.items()]
        code = PREAMBLE + "print(json.dumps({\n" + "\n".join(lines) + "\n}))"
        other = subprocess.Popen(["sleep", "60"])
        try:
            places = [self.mine, scratch, self.secret, str(other.pid)]
            done = subprocess.run(
                [sys.executable, "-P", "-c", code, *places, "processes" if processes else "none"],
                env={"PYTHONPATH": str(ROOT)},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            assert other.poll() is None, "another process was ended"
        finally:
            other.kill()
            other.wait()
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    return Answers(tmp_path_factory.mktemp("confined"))


@pytest.fixture(scope="module")
def strict(answers):
    return answers.ask({**ALLOWED, **NO_FILES, **NO_CALLS, **NO_PROCESSES})


@pytest.mark.parametrize("action", ALLOWED)
def test_a_confined_process_can_still(strict, action):
    assert strict[action] == "done"


@needs_landlock
@pytest.mark.parametrize("action", NO_FILES)
def test_a_confined_process_cannot(strict, action):
    assert strict[action] in ("EACCES", "EPERM")


@needs_seccomp
@pytest.mark.parametrize("action", {**NO_CALLS, **NO_PROCESSES})
def test_a_confined_process_is_refused(strict, action):
    assert strict[action] == ("ENOSYS" if action == "clone3" else "EPERM")


@needs_seccomp
def test_processes_may_be_allowed_and_inherit_the_locks(answers):
    asked = {
        "fork": "forked()",
        "end its own": "forked_and_ended()",
        "socket": "socket.socket()",
        "trace": NO_CALLS["trace"],
    }
    if landlock_version() >= 6:
        asked["end another"] = "os.kill(other, signal.SIGKILL)"
    found = answers.ask(asked, processes=True)
    assert (found.pop("fork"), found.pop("end its own")) == ("done", "done")
    assert set(found.values()) == {"EPERM"}


def test_a_file_that_is_written_has_a_limit(answers):
    found = answers.ask({"big": "(scratch / 'big').write_bytes(bytes(5000))"})
    assert found["big"] == "EFBIG"


@needs_seccomp
def test_a_thread_that_is_already_there_is_bound_as_well(answers):
    late = (
        "(lambda first, second, got: ("
        " threading.Thread(target=lambda: (first.set(), second.wait(),"
        " got.append(tried(socket.socket)), third.set())).start(),"
        " first.wait(), confine([], [], memory_bytes=2**31, cpu_s=20, open_files=64,"
        " file_bytes=1), second.set(), third.wait(), got[0] == 'EPERM' or 1 / 0)"
        ")(threading.Event(), threading.Event(), [])"
    ).replace("first, second, got: (", "first, second, third, got: (", 1)
    late = late.replace("threading.Event(), [])", "threading.Event(), threading.Event(), [])")
    assert answers.ask({"late": late})["late"] == "done"


LIBRARIES = """
import duckdb, pyarrow as pa, pyarrow.parquet as pq, numpy as np
instance = duckdb.connect(config={"threads": 2})
table = pa.table({"a": np.arange(200_000)})
assert instance.execute("SELECT sum(a) FROM \\"table\\"").fetchone()[0] == 19999900000
assert pa.compute.sum(table["a"]).as_py() == 19999900000
print("done")
"""


@needs_seccomp
def test_libraries_with_threads_work_in_it(tmp_path):
    locks = (
        "from pathlib import Path; import sys\n"
        "from registry.host.confinement import confine\n"
        "assert confine([], [Path(sys.argv[1])], memory_bytes=2**32, cpu_s=60, open_files=256,"
        " file_bytes=2**30) is not None\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", locks + LIBRARIES, tmp_path],
        env={"PYTHONPATH": str(ROOT), "ARROW_DEFAULT_MEMORY_POOL": "system"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "done\n", done.stderr


def test_what_this_host_lacks_is_said(monkeypatch):
    monkeypatch.setattr("registry.host.confinement.landlock_version", lambda: 0)
    monkeypatch.setattr("registry.host.confinement.seccomp_works", lambda: False)
    files, calls = missing_locks()
    assert "Landlock" in files
    assert "libseccomp2" in calls
    monkeypatch.setattr("registry.host.confinement.landlock_version", lambda: 1)
    assert missing_locks() == (calls,)
    assert confine.__doc__


@needs_seccomp
def test_another_architecture_ends_the_process(answers):
    if os.uname().machine != "x86_64":
        pytest.skip("x32 is a part of x86_64")
    code = PREAMBLE + "libc.syscall(0x40000000 + 39)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, answers.mine, answers.folder, answers.secret, "1", "no"],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGSYS
