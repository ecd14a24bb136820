"""A served installation that runs pipelines, spoken to with plain requests."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import requests
from command_line import pzvo
from live import LiveService
from lxml import etree
from product_application import product_application
from product_service import ProductInstallation

MORTAL = Path(__file__).resolve().parent / "mortal"
ROOT = MORTAL.parents[2]
COMBINE = "combine_redshift_dedup"
OVER = ("COMPLETED", "ERROR", "ABORTED")
UWS = "{http://www.ivoa.net/xml/UWS/v1.0}"
PATIENCE_S = 240
ROLES = {"name": "ID", "ra": "RA", "dec": "Dec", "zz": "z", "flag": "z_flag", "survey": "survey"}
FIRST = "name,ra,dec,zz,flag,survey\n" + "".join(
    f"A{n},{10 + n}.0,-30.0,0.{n + 1},5,2dfgrs\n" for n in range(4)
)
SECOND = "name,ra,dec,zz,flag,survey\n" + "".join(
    f"B{n},{10 + n}.00003,-30.0,0.{n + 1},3,2dfgrs\n" for n in range(3)
)


@dataclass
class JobDocument:
    """What a job says of itself."""

    url: str
    phase: str
    error: str | None
    results: list[str]
    text: str

    @property
    def job_id(self) -> str:
        return self.url.rpartition("/")[2]


@dataclass
class PipelineService:
    """The installation, and people's sessions with it.

    `step` is the file with the step at which a mortal worker kills the service, `left` what
    doctor found after such kills.
    """

    installation: ProductInstallation
    step: Path
    left: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        return self.installation.url

    @property
    def home(self) -> Path:
        return self.installation.live.home

    def headers(self, user: str | None) -> dict[str, str]:
        return {} if user is None else {"Authorization": f"Token {self.installation.tokens[user]}"}

    def api(self, method: str, path: str, user: str | None = "owner", **options):
        address = f"{self.url}/api/{path}"
        return requests.request(method, address, headers=self.headers(user), timeout=120, **options)

    def publish(self, name, content, roles=None, *, user="owner", kind=1, **values) -> int:
        """Publish a file as a product: its text, its bytes or its path."""
        body = {"display_name": name, "product_type": kind} | values
        made = self.api("POST", "products/", user, json=body)
        assert made.status_code == 201, made.text
        product = made.json()["id"]
        if isinstance(content, Path):
            file = (content.name, content.read_bytes())
        else:
            file = (f"{name}.csv", content)
        sent = self.api(
            "POST", "product-files/", user,
            data={"product": product, "role": 0}, files={"file": file},
        )  # fmt: skip
        assert sent.status_code == 201, sent.text
        assert (said := self.api("POST", f"products/{product}/registry/", user)).ok, said.text
        found = self.api("GET", f"product-contents/?product={product}&page_size=500", user)
        roles = ROLES if roles is None else roles
        for column in found.json()["results"]:
            alias = roles.get(column["column_name"])
            if alias != column["alias"]:
                change = {"alias": alias}
                answer = self.api("PATCH", f"product-contents/{column['id']}/", user, json=change)
                assert answer.ok, answer.text
        done = self.api("PATCH", f"products/{product}/", user, json={"status": 1})
        assert done.ok, done.text
        return product

    def jobs_url(self, pipeline: str = COMBINE) -> str:
        return f"{self.url}/pipelines/{pipeline}/async"

    def submit(self, *inputs, user="owner", pipeline=COMBINE, files=None, **parameters) -> str:
        """Make a job and run it; give its address."""
        form = {"NAME": "Out", "INPUTS": list(inputs), "PHASE": "RUN"} | parameters
        answer = requests.post(
            self.jobs_url(pipeline), data=form, files=files, headers=self.headers(user),
            timeout=240, allow_redirects=False,
        )  # fmt: skip
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    def here(self, url: str) -> str:
        """Give the present address of a job: a service that starts again has another port."""
        return self.url + urlsplit(url).path

    def job(self, url, user="owner", wait_s=None) -> JobDocument:
        options = {} if wait_s is None else {"WAIT": wait_s}
        address = self.here(url)
        answer = requests.get(address, params=options, headers=self.headers(user), timeout=120)
        answer.raise_for_status()
        root = etree.fromstring(answer.content)
        message = root.find(f"{UWS}errorSummary/{UWS}message")
        return JobDocument(
            url,
            root.findtext(f"{UWS}phase"),
            None if message is None else message.text,
            [result.get("id") for result in root.iter(f"{UWS}result")],
            answer.text,
        )

    def until(self, url, user="owner", phases=OVER) -> JobDocument:
        """Wait until a job is in one of some phases."""
        return self.wait(lambda: (found := self.job(url, user, 2)).phase in phases and found)

    def wait(self, condition):
        """Wait for something; give it."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := condition()):
            assert time.monotonic() < deadline, "it did not happen"
            time.sleep(0.03)
        return found

    def result(self, url, name, user="owner") -> bytes:
        address = f"{self.here(url)}/results/{name}"
        answer = requests.get(address, headers=self.headers(user), timeout=240)
        answer.raise_for_status()
        return answer.content

    def products_of(self, url) -> list[dict]:
        """Give the products of a job as the operator sees them, whatever their state."""
        job_id = url.rpartition("/")[2]
        found = self.api("GET", "products/?page_size=500", "root").json()["results"]
        return [product for product in found if product.get("process_id") == job_id]

    def rows(self, table: str, user="owner") -> int | None:
        """Count the rows of a table; none if it cannot be queried."""
        query = {"LANG": "ADQL", "RESPONSEFORMAT": "csv"}
        query["QUERY"] = f"SELECT COUNT(*) AS n FROM {table}"
        answer = requests.get(
            f"{self.url}/tap/sync", params=query, headers=self.headers(user), timeout=240
        )
        return int(answer.text.split()[1]) if answer.ok else None

    def findings(self) -> list[str]:
        """Say what `pzvo doctor` has found that should not be, but for what kills have left."""
        done = pzvo(self.home, "doctor")
        assert done.returncode in (0, 1), done.stderr
        found = [
            line for line in done.stdout.splitlines() if line.startswith(("orphan:", "MISSING"))
        ]
        return [line for line in found if line not in self.left]

    def processes(self) -> list[int]:
        """Number the processes of the service, the first first; runs are not among them."""
        keeper = self.installation.live.process.pid
        children = Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()
        return [keeper, *map(int, children)]

    def processes_of(self, kind: str) -> list[int]:
        """Number the processes that answer requests (`web`), or run jobs (`worker`)."""
        mark = f" {kind} ".encode()
        return [
            pid
            for pid in self.processes()
            if mark in Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
        ]

    def kill(self) -> None:
        """Kill all processes of the service with -9; runs of pipelines are not touched."""
        for process in self.processes():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.installation.live.process.wait(180)

    def start(self) -> None:
        self.installation.live.start()

    def restart_when_dead(self) -> None:
        """Wait until the service has died of what it was told to, and start it again."""
        self.installation.live.process.wait(PATIENCE_S)
        self.start()

    @contextmanager
    def held(self, at: str):
        """Let the next job wait at a step until the end of ``with``; give how to wait for it."""
        holding = self.step.with_name("held")
        holding.unlink(missing_ok=True)
        self.step.write_text(f"hold {at}")
        try:
            yield lambda: self.wait(holding.exists)
        finally:
            self.step.write_text("")

    def stop(self) -> None:
        if self.installation.live.process.poll() is None:
            self.installation.live.stop()


def pipeline_service(
    home: Path, sites: dict[str, str] | None = None, **settings: str
) -> PipelineService:
    """Serve an installation whose workers can be told to die at a step.

    `sites` are site files of pipelines, by name, instead of the packaged ones.
    """
    step = home / "step"
    step.write_text("")
    path = f"{MORTAL}:{ROOT / 'tests' / 'support'}"
    environment = {"PYTHONPATH": path, "MORTAL_STEP": str(step)}
    environment["PZVO_API_REQUESTS_PER_MINUTE"] = "0"
    environment |= {f"PZVO_{name.upper()}": value for name, value in settings.items()}
    if sites is not None:
        folder = home / "sites"
        folder.mkdir()
        for name, text in sites.items():
            (folder / f"{name}.toml").write_text(text)
        environment["MORTAL_PIPELINES"] = str(folder)
    made = product_application(home)
    made.services.close()
    live = LiveService(home, environment)
    live.start()
    return PipelineService(ProductInstallation(live, made.tokens), step)
