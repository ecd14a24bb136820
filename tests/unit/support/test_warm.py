import json
import os
import signal
import subprocess
import sys

import pytest
from warm import WarmPython

SAY = """\
import json, os, sys
print(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ), textwrap.__name__, os.getpid()]))
print("é", file=sys.stderr)
raise SystemExit(7)
"""


@pytest.fixture(scope="module")
def python():
    made = WarmPython(sys.executable, "import textwrap")
    yield made
    made.close()


def run(python, folder, code, *arguments, timeout=120, **options):
    return python.run(code, [*arguments], cwd=folder, env={"A": "b"}, timeout=timeout, **options)


def test_a_fork_has_what_was_given_to_it_alone(python, tmp_path):
    done = run(python, tmp_path, "import textwrap\n" + SAY, "x", "y z")
    arguments, folder, environment, imported, pid = json.loads(done.stdout)
    assert (arguments, folder, environment) == (["x", "y z"], str(tmp_path), {"A": "b"})
    assert (imported, done.stderr, done.returncode) == ("textwrap", "é\n", 7)
    assert pid != os.getpid()


def test_errors_of_a_fork_are_told_as_by_any_python(python, tmp_path):
    done = run(python, tmp_path, "1 / 0")
    assert done.returncode == 1
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


def test_a_fork_that_does_not_end_is_killed_and_others_are_not(python, tmp_path):
    sleep = "import time\nprint('on', flush=True)\ntime.sleep(600)"
    with (tmp_path / "out").open("w") as out:
        options = {"stdout": out, "stderr": out, "cwd": tmp_path, "env": {}}
        first, second = (python.start(sleep, [], **options) for _ in range(2))
    with pytest.raises(subprocess.TimeoutExpired):
        run(python, tmp_path, sleep, timeout=0.1)
    first.kill()
    assert first.wait(120) == -signal.SIGKILL
    assert second.poll() is None
    second.terminate()
    assert second.wait(120) == second.poll() == -signal.SIGTERM


def test_the_mask_of_files_is_that_of_the_fork(python, tmp_path):
    run(python, tmp_path, "open('made', 'w').close()", umask=0o077)
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600
