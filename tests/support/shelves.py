"""Products for pipelines without a registry: a folder, that several processes may share."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict
from pathlib import Path

from pipelines.errors import InputsRejected
from pipelines.shelf import MadeProduct, ShelfProduct


class FolderShelf:
    """Keeps one document per product; `before_commit` and `after_commit` are for mischief."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "made").mkdir(parents=True, exist_ok=True)
        (folder / "inputs").mkdir(exist_ok=True)
        self.before_commit = self.after_commit = lambda: None

    def put(self, number, text, *, owner="ann", product_type="redshift_catalog", columns=None):
        file = self.folder / "inputs" / f"{number}.csv"
        file.write_text(text)
        document = {"owner": owner, "type": product_type, "columns": columns or {}}
        (self.folder / "inputs" / f"{number}.json").write_text(json.dumps(document))
        return str(number)

    def take(self, owner, reference):
        path = self.folder / "inputs" / f"{reference}.json"
        document = json.loads(path.read_text()) if path.exists() else {}
        if document.get("owner") != owner:
            raise InputsRejected([f"there is no product {reference!r}"])
        file = path.with_suffix(".csv")
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        return ShelfProduct(
            int(reference), f"{reference}_cat", "cat", document["type"], 1, file, digest,
            document["columns"],
        )  # fmt: skip

    def reserve(self, job_id, owner, draft):
        if self.read(job_id) is None:
            self.write(job_id, {"status": "processing", "owner": owner, "name": draft.name})
        return self.product(job_id)

    def publish(self, job_id, files, annotations, provenance):
        document = self.read(job_id)
        if document["status"] != "published":
            self.before_commit()
            main = next(file.path for file in files if file.main)
            shutil.copy(main, self.folder / "made" / f"{job_id}.csv")
            document |= {
                "status": "published",
                "publications": document.get("publications", 0) + 1,
                "annotations": annotations.read_text(),
                "inputs": [asdict(each) for each in provenance.inputs],
                "version": provenance.pipeline_version,
                "parameters": dict(provenance.configuration["param"]),
                "files": [file.path.name for file in files],
            }
            self.write(job_id, document)
            self.after_commit()
        return self.product(job_id)

    def fail(self, job_id, reason):
        document = self.read(job_id)
        if document is not None and document["status"] != "failed":
            self.write(job_id, document | {"status": "failed", "reason": reason})

    def product(self, job_id):
        document = self.read(job_id)
        if document is None:
            return None
        published = document["status"] == "published"
        return MadeProduct(7, f"7_{document['name']}", "http://host/product/7", published)

    def unfinished(self):
        names = [path.stem for path in (self.folder / "made").glob("*.json")]
        return [name for name in names if self.read(name)["status"] == "processing"]

    def read(self, job_id):
        path = self.folder / "made" / f"{job_id}.json"
        return json.loads(path.read_text()) if path.exists() else None

    def write(self, job_id, document):
        part = self.folder / "made" / f"{job_id}.part"
        part.write_text(json.dumps(document))
        part.replace(part.with_suffix(".json"))
