"""The description of the API says what its addresses do, and no more."""

import json
import re
from typing import Any

from tests.unit.web.opened_portal import API, MAX_UPLOAD_BYTES, Portal
from tests.unit.web.tus import begin_upload, chunk, creation, send
from worker.exporter import Exporter


def test_every_address_of_the_api_is_described_and_every_described_one_answers(portal: Portal) -> None:
    document = portal.json("/openapi.json")
    assert document["openapi"].startswith("3.")
    assert document["info"]["title"] == "SAEMI"
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in portal.app.url_map.iter_rules()
        if rule.rule.startswith(API) and rule.endpoint.startswith("api_")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = {(path, method) for path, operations in document["paths"].items() for method in operations}
    assert described == served
    number = portal.analysed()
    submission = portal.json("/submissions")["items"][0]["id"]
    decided = {"person": "Ada", "scope": "image", "analysis_id": number, "choice": "automatic"}
    decision = portal.http.post(f"{API}/calibration-decisions", json=decided).get_json()["id"]
    waiting = portal.put(portal.open_submission(), b"waits").get_json()["id"]
    contents: dict[str, Any] = {
        "decisions": decided,
        "known-files": {"files": []},
        "actions": {"action": "resume", "submission_ids": [submission]},
        "exports": {"format": "json"},
    }
    made, asked = (portal.http.post(f"{API}/exports", json={"format": "csv", "person": name}).get_json()["id"] for name in "ab")
    Exporter(portal.database, portal.store, portal.blobs.parent / "exports", lease_s=60, max_attempts=3).run(made)
    # Those need an S3 server: tests/integration/test_direct_uploads.py.
    here = {(path, method) for path, method in described if "direct-uploads" not in path}
    for path, method in sorted(here):  # a job is cancelled before it is retried
        address = path.replace("{label}", "1").replace("{file}", "overlay.png")
        kinds = ("analyses", "decisions", "uploads", "known-files", "/jobs", "actions", "manifest", "exports", "")
        kind = next(kind for kind in kinds if kind in path)
        numbers = {"analyses": number, "decisions": decision, "/jobs": waiting, "uploads": begin_upload(portal, submission)}
        numbers["exports"] = asked if path.endswith("cancel") else made
        address = address.replace("{id}", str(numbers.get(kind, submission)))
        body: dict[str, Any] = {"put": {"query_string": {"name": "b"}}}.get(method, {})
        if kind == "uploads":
            body = {
                "headers": creation(submission, 3) if method == "post" else chunk(0),
                "data": b"" if method == "post" else b"123",
            }
        elif method == "post":
            body = {"json": contents.get(kind, {"project": "gold"})}
        if kind == "manifest":
            body = {"data": b"file,sample\na.tif,S1\n"}
            portal.http.put(f"{API}/submissions/{submission}/manifest", **body)
        if path.endswith("/comparison"):
            body = {"query_string": "selection=sample%3Da&selection=sample%3Db"}
        if path.endswith("/uploads/{id}/file"):
            send(portal, str(numbers["uploads"]), 0, b"123")
        answer = portal.http.open(address, method=method.upper(), buffered=True, **body)
        documented = document["paths"][path][method]["responses"]
        assert str(answer.status_code) in documented, (path, method, answer.status_code)
        assert answer.status_code < 300
        if answer.status_code != 204:
            assert answer.mimetype in documented[str(answer.status_code)]["content"], (path, method, answer.mimetype)
        assert {"404", "422", "503"} <= set(documented)


def test_the_upload_of_a_file_is_described_with_its_body_and_all_that_can_go_wrong(portal: Portal) -> None:
    upload = portal.json("/openapi.json")["paths"][f"{API}/submissions/{{id}}/files"]["put"]
    assert list(upload["requestBody"]["content"]) == ["application/octet-stream"]
    submission = portal.open_submission()
    portal.put(submission, b"one", "a.txt")
    errors = [portal.put(submission, b"two", "a.txt"), portal.put(submission, b"0" * (MAX_UPLOAD_BYTES + 1))]
    assert [answer.status_code for answer in errors] == [409, 413]
    assert {"409", "413", "507"} <= set(upload["responses"])


def test_every_reference_of_the_description_leads_somewhere_and_everything_is_explained(portal: Portal) -> None:
    document = portal.json("/openapi.json")
    for reference in re.findall(r'"\$ref": ?"#/([^"]+)"', json.dumps(document)):
        target: Any = document
        for part in reference.split("/"):
            target = target[part]
        assert target
    for operations in document["paths"].values():
        for operation in operations.values():
            assert operation["summary"]
            for parameter in operation.get("parameters", []):
                assert parameter["in"] in ("path", "query", "header")
                assert parameter["schema"]
    assert set(document["components"]["schemas"]["ErrorBody"]["properties"]) == {"code", "message", "details", "reference"}
