"""A pipeline that does whatever trouble it is told to; its inputs are not looked at."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import time
from pathlib import Path

from pydantic import Field

from pipelines.errors import InputsRejected, PipelineFailed
from pipelines.runs import PipelineOutput
from pipelines.specification import (
    InputSpecification,
    OutputColumn,
    PipelineParameters,
    PipelineSpecification,
    UserFile,
)


class Trouble(PipelineParameters):
    do: str = Field("nothing", description="What to do")
    place: str = Field("", description="A path outside of the run")
    count: int = Field(1, ge=0, description="A number")
    rules: UserFile | None = Field(None, description="A file of the user")


SPECIFICATION = PipelineSpecification(
    name="troublesome",
    display_name="Trouble",
    version="0.1",
    description="Does trouble. For tests.",
    parameters=Trouble,
    inputs=(
        InputSpecification(
            "specz",
            ("redshift_catalog", "training_set"),
            {"ra": "RA", "z": "z"},
            required=("ra",),
            minimum=0,
        ),
    ),
    output_type="redshift_catalog",
    output_columns=(OutputColumn("ra", "Right ascension", "pos.eq.ra;meta.main", "deg", "RA"),),
    output_formats=("csv",),
)


def check(folder, report):
    report("checking")
    return {"count": folder.parameters(Trouble).count}


def run(folder, report):
    asked = folder.parameters(Trouble)
    report("trouble", 0.25, "begins")
    trouble(asked, folder)
    main = folder.output_file(".csv")
    main.write_text("ra,dec,z\n1.0,2.0,0.5\n")
    if asked.do == "link":
        main.unlink()
        main.symlink_to(asked.place)
    return PipelineOutput(
        main, 1, ("ra", "dec", "z"), columns_assoc={"ra": "ra"}, summary={"bad": float("nan")}
    )


def trouble(asked, folder):  # noqa: C901 - one case per kind of trouble
    match asked.do:
        case "sleep":
            time.sleep(600)
        case "wait":
            while not Path(asked.place).exists():
                time.sleep(0.02)
        case "memory":
            blocks = [bytearray(os.urandom(1)) * 2**20 for _ in range(10_000)]
            raise AssertionError(len(blocks))
        case "fail":
            raise PipelineFailed("the sky is falling")
        case "inputs":
            raise InputsRejected(["first: wrong", "second: wrong as well"])
        case "bug":
            raise KeyError("what")
        case "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        case "large":
            with folder.output_file(".csv").open("wb") as stream:
                while True:
                    stream.write(bytes(2**20))
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "rules":
            raise PipelineFailed(folder.user_file("rules").read_text())
        case "spy":
            raise PipelineFailed(json.dumps(seen(asked.place, folder)))


def seen(place, folder):
    found = {"environment": dict(os.environ), "folder": sorted(
        path.relative_to(folder.path).as_posix() for path in folder.path.rglob("*")
    )}  # fmt: skip
    for name, attempt in {
        "read": lambda: Path(place).read_text(),
        "list": lambda: list(Path(place).parent.iterdir()),
        "input": lambda: next(folder.inputs_folder.rglob("*.csv")).open("r+"),
        "configuration": lambda: folder.configuration_file.open("a"),
        "program": lambda: os.posix_spawn("/bin/true", ["true"], {}),
        "connection": lambda: socket.create_connection(("127.0.0.1", int(place.split("#")[-1]))),
    }.items():
        try:
            attempt()
        except (OSError, ValueError) as error:
            found[name] = type(error).__name__
        else:
            found[name] = "done"
    return found
