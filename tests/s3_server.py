"""A real S3-compatible server, SeaweedFS from a wheel, that tests start, stop and kill."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from shared.s3_client import S3Access, s3_client
from tests.stack import free_port, wait_until

ACCESS_KEY_ID = "saemi"
SECRET_ACCESS_KEY = "secret"
BUCKET = "saemi-tests"
WEED = Path(sys.executable).with_name("weed")


@dataclass
class S3Server:
    """The running server, and who may do everything on it."""

    process: subprocess.Popen[bytes]
    address: str

    @property
    def access(self) -> S3Access:
        return S3Access(self.address, access_key_id=ACCESS_KEY_ID, secret_access_key=SECRET_ACCESS_KEY)

    def settings(self, prefix: str) -> dict[str, Any]:
        """What the settings say of a store below a prefix."""
        return {
            "blob_url": f"s3://{BUCKET}/{prefix}",
            "s3_endpoint_url": self.address,
            "s3_access_key_id": ACCESS_KEY_ID,
            "s3_secret_access_key": SECRET_ACCESS_KEY,
        }

    def keys(self, prefix: str) -> list[str]:
        """All objects below a prefix, and all uploads in parts that did not end."""
        client = s3_client(self.access, self.address)
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        objects = [found["Key"] for page in pages for found in page.get("Contents", [])]
        begun = client.list_multipart_uploads(Bucket=BUCKET, Prefix=prefix).get("Uploads", [])
        return objects + [f"{upload['Key']} (begun)" for upload in begun]


@contextmanager
def running_s3_server(folder: Path) -> Iterator[S3Server]:
    """Run a server with one empty bucket while the block lasts."""
    with started_s3_server(folder) as server:
        s3_client(server.access, server.address).create_bucket(Bucket=BUCKET)
        yield server


@contextmanager
def started_s3_server(folder: Path) -> Iterator[S3Server]:
    """Run a server on what a folder holds while the block lasts."""
    folder.mkdir(exist_ok=True)
    (folder / "s3.json").write_text(json.dumps({"identities": [IDENTITY]}))
    names = (
        "master.port",
        "master.port.grpc",
        "volume.port",
        "volume.port.grpc",
        "filer.port",
        "filer.port.grpc",
        "s3.port.grpc",
    )
    port = free_port()
    ports = [f"-{name}={free_port()}" for name in names]
    switches = ["-filer", "-s3", f"-s3.port={port}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false"]
    local = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=40"]
    stores = [f"-dir={folder}", f"-s3.config={folder / 's3.json'}", "-volume.preStopSeconds=0", "-volume.minFreeSpace=1"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([WEED, "server", *stores, *local, *ports, *switches], stdout=log, stderr=log)
    server = S3Server(process, f"http://127.0.0.1:{port}")
    try:
        wait_until(lambda: process.poll() is not None or _answers(server), "the S3 server answers")
        assert process.poll() is None, (folder / "log").read_text()[-2000:]
        yield server
    finally:
        process.kill()
        process.wait()


IDENTITY = {
    "name": "saemi",
    "credentials": [{"accessKey": ACCESS_KEY_ID, "secretKey": SECRET_ACCESS_KEY}],
    "actions": ["Admin", "Read", "Write", "List", "Tagging"],
}


def _answers(server: S3Server) -> bool:
    """Whether it takes an object: it listens some time before it can."""
    try:
        return httpx.get(f"{server.address}/healthz", timeout=2, trust_env=False).is_success
    except httpx.TransportError:
        return False
