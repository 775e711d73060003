"""Portals, workers and a scheduler by the commands of docker-compose.yml, over one database, broker and S3 server."""

import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from cli.client import Saemi
from shared.errors import OperatorError
from shared.s3_cors import require_pages_may_send
from tests.deployment.cluster import Cluster, running_cluster
from tests.end_to_end.drawn import RADII_PX, draw_discs
from tests.stack import wait_until
from tests.unit.web import tus

N_IMAGES = 12


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One cluster for all tests of this module, each with submissions of its own."""
    with tempfile.TemporaryDirectory(prefix="saemi-") as folder, running_cluster(Path(folder)) as running:
        yield running


def submit(saemi: Saemi, folder: Path, first_seed: int) -> int:
    """Hand in images that nobody else hands in."""
    submission = saemi.open_submission("cluster", model="classical").id
    for seed in range(first_seed, first_seed + N_IMAGES):
        saemi.add_file(submission, draw_discs(folder / f"discs_{seed}.png", seed))
    return submission


def test_images_handed_in_at_both_portals_are_each_analysed_once(cluster: Cluster, tmp_path: Path) -> None:
    with Saemi(cluster.portals[0]) as first, Saemi(cluster.portals[1]) as second:
        submissions = [submit(first, tmp_path, 0), submit(second, tmp_path, N_IMAGES)]
        # Each is looked at where it was not handed in.
        for saemi, submission in zip((second, first), submissions, strict=True):
            wait_until(lambda at=saemi, of=submission: not at.submission(of).counts.unfinished, "all jobs have ended", 120)
            assert saemi.submission(submission).counts.done == N_IMAGES
        jobs = [job for submission in submissions for job in first.jobs(submission)]
        found = {job.analysis_id: first.analysis(job.analysis_id).statistics.n_particles for job in jobs if job.analysis_id}
    assert found == dict.fromkeys(found, len(RADII_PX))
    assert len(found) == 2 * N_IMAGES
    with psycopg.connect(cluster.database_url) as database:
        stored = dict(database.execute("SELECT analysis_id, count(*) FROM particle GROUP BY analysis_id").fetchall())
    assert stored == found, "particles are stored once, and no analysis is there that nobody asked for"


def test_a_file_in_pieces_goes_on_at_another_portal(cluster: Cluster, tmp_path: Path) -> None:
    content = draw_discs(tmp_path / "pieces.png", 900).read_bytes()
    half = len(content) // 2
    first_portal, second_portal = cluster.portals
    with Saemi(first_portal) as saemi, httpx.Client(trust_env=False) as http:
        submission = saemi.open_submission("pieces", model="classical").id
        begun = http.post(f"{first_portal}/api/v1/uploads", headers=tus.creation(submission, len(content), "pieces.png"))
        assert begun.status_code == 201, begun.text
        path = f"/api/v1/uploads/{begun.json()['id']}"
        for portal, first, end in ((second_portal, 0, half), (first_portal, half, len(content))):
            sent = http.patch(portal + path, content=content[first:end], headers=tus.chunk(first))
            assert (sent.is_success, sent.headers["Upload-Offset"]) == (True, str(end)), sent.text
        wait_until(lambda: saemi.submission(submission).counts.done == 1, "the image is analysed", 60)


def test_every_process_has_shown_itself_and_one_scheduler_leads(cluster: Cluster) -> None:
    with psycopg.connect(cluster.database_url) as database:
        queues = [row[0] for row in database.execute("SELECT queues FROM worker").fetchall()]
        leaders = database.execute("SELECT count(*) FROM leader WHERE office = 'scheduler' AND lease_until > now()").fetchone()
    assert sorted(queues) == [["analysis", "decisions", "exports"], ["analysis", "decisions", "exports"], ["interactive"]]
    assert leaders == (1,)


def test_an_interactive_image_goes_to_the_worker_that_takes_nothing_else(cluster: Cluster, tmp_path: Path) -> None:
    with Saemi(cluster.portals[0]) as saemi:
        submission = saemi.open_submission("one image", model="classical").id
        with psycopg.connect(cluster.database_url) as database:
            database.execute("UPDATE submission SET priority = 'interactive' WHERE id = %s", (submission,))
        saemi.add_file(submission, draw_discs(tmp_path / "now.png", 10 * N_IMAGES))
        wait_until(lambda: saemi.submission(submission).counts.done == 1, "the image is analysed")
    with psycopg.connect(cluster.database_url) as database:
        query = "SELECT queues FROM worker JOIN job ON job.owner = worker.name WHERE job.submission_id = %s"
        assert database.execute(query, (submission,)).fetchall() == [(["interactive"],)]


def test_files_lie_on_the_s3_server_alone(cluster: Cluster, tmp_path: Path) -> None:
    with Saemi(cluster.portals[0]) as first, Saemi(cluster.portals[1]) as second:
        submission = submit(first, tmp_path, 2 * N_IMAGES)
        wait_until(lambda: not second.submission(submission).counts.unfinished, "all jobs have ended", 120)
        assert second.submission(submission).counts.done == N_IMAGES
    assert [blob for process in cluster.processes for blob in (cluster.folder / process / "blobs").rglob("*")] == []
    volumes = sum(volume.stat().st_size for volume in (cluster.folder / "s3").rglob("*.dat"))
    assert volumes > sum(image.stat().st_size for image in tmp_path.glob("*.png"))


def test_the_proxy_serves_both_portals_over_tls(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As a person does who trusts the authority of the facility's proxy.
    monkeypatch.setenv("SSL_CERT_FILE", str(cluster.authority))
    with Saemi(cluster.proxy) as saemi:
        submission = submit(saemi, tmp_path, 3 * N_IMAGES)
        wait_until(lambda: not saemi.submission(submission).counts.unfinished, "all jobs have ended", 120)
        assert saemi.submission(submission).counts.done == N_IMAGES


def test_the_proxy_keeps_the_metrics_to_the_house(cluster: Cluster) -> None:
    trusted = ssl.create_default_context(cafile=cluster.authority)
    with httpx.Client(verify=trusted, trust_env=False) as visitor:
        assert visitor.get(f"{cluster.proxy}/readyz").is_success
        assert visitor.get(f"{cluster.proxy}/metrics").status_code == httpx.codes.NOT_FOUND


def test_browsers_may_send_to_the_store_from_pages_of_the_portal_and_of_nobody_else(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(cluster.authority))
    address = f"{cluster.store}/saemi/blobs/incoming/any"
    wait_until(lambda: has_certificate(cluster.store), "the proxy has a certificate for the store")
    require_pages_may_send(address, "https://localhost")
    with pytest.raises(OperatorError, match="takes nothing from pages"):
        require_pages_may_send(address, "https://another.example.org")


def has_certificate(address: str) -> bool:
    """Whether TLS is spoken there already, whatever is answered."""
    try:
        httpx.get(address)
    except httpx.ConnectError:
        return False
    return True
