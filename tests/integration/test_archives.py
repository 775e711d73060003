"""Archives on real databases: a job that becomes further jobs, once, whatever happens to the worker in between."""

import tarfile
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from shared import jobs, submissions
from shared.database import Database, database_time
from shared.errors import OperatorError
from shared.leases import JobState
from shared.models import ImageRow, JobRow, SideCarRow
from shared.storage import BlobInfo, FolderBlobStore
from tests.integration.analyses import draw_discs
from tests.integration.bench import HITACHI, LEASE_S, MAX_ATTEMPTS, NM_PER_PX, Bench
from tests.unit.archive.made import archive_bytes, special_tar, tar_bytes, zip_bytes
from tests.unit.micrograph.files import png_bytes
from worker.archive.limits import ArchiveLimits
from worker.runner import JobRunner

IMAGES = {f"day {n % 2}/{n}.png": png_bytes(draw_discs(n)) for n in range(1, 5)}


def outcomes(bench: Bench, submission: int) -> dict[str, str]:
    """State, or the code of the error, of each job by its name."""
    return {job.source_name: job.error_code or job.state for job in bench.jobs(submission)}


def handed_in(bench: Bench, content: bytes, name: str) -> int:
    submission = bench.open()
    bench.add(submission, content, name)
    return submission


@pytest.mark.parametrize("name", ["lot.zip", "lot.tar", "lot.tar.gz", "lot.tar.xz"])
def test_each_image_of_an_archive_becomes_a_job_that_is_analysed(upload_bench: Bench, name: str) -> None:
    submission = handed_in(upload_bench, archive_bytes(name, IMAGES), name)
    (archive,) = upload_bench.jobs(submission)
    upload_bench.run(archive.id)
    assert outcomes(upload_bench, submission) == {name: "done"} | {f"{name}/{image}": "queued" for image in IMAGES}
    assert [job.sent_at for job in upload_bench.jobs(submission)[1:]] == [None] * 4, "the scheduler announces them"
    upload_bench.run_all(submission)
    assert set(outcomes(upload_bench, submission).values()) == {"done"}
    archive, *found = upload_bench.jobs(submission)
    assert {job.source_name: upload_bench.analysis_of(job).n_particles for job in found} == {
        f"{name}/{image}": number for number, image in enumerate(IMAGES, 1)
    }
    assert (archive.analysis_id, archive.note) == (None, "Unpacked: 4 images.")


def test_what_is_refused_is_named_with_its_reason_and_the_others_go_on(upload_bench: Bench) -> None:
    entries = [
        ("a.png", b"first"),
        ("a.png", b"second"),
        ("../../etc/a.png", b"out"),
        ("/root/b.png", b"absolute"),
        ("inner.zip", b"nested"),
        ("notes.pdf", b"no image"),
        ("__MACOSX/._a.png", b"resource fork"),
        ("good.png", IMAGES["day 1/1.png"]),
    ]
    submission = handed_in(upload_bench, tar_bytes(entries), "lot.tar")
    upload_bench.run_all(submission)
    found = outcomes(upload_bench, submission)
    assert found == {
        "lot.tar": "done",
        "lot.tar/a.png": "duplicate_member",
        "lot.tar/etc/a.png": "unsafe_member_name",
        "lot.tar/root/b.png": "unsafe_member_name",
        "lot.tar/inner.zip": "nested_archive",
        "lot.tar/good.png": "done",
    } | {"lot.tar/a.png": found["lot.tar/a.png"]}
    both = [job.error_code for job in upload_bench.jobs(submission) if job.source_name == "lot.tar/a.png"]
    assert sorted(map(str, both)) == ["duplicate_member", "unsupported_format"], "the first counts, the second is named"
    note = upload_bench.jobs(submission)[0].note
    assert note == "Unpacked: 2 images; 4 refused; 2 that are no images passed over (notes.pdf, __MACOSX/._a.png)."


def test_a_link_never_reaches_a_file_of_the_server(upload_bench: Bench) -> None:
    submission = handed_in(upload_bench, special_tar("passwd.tif", tarfile.SYMTYPE), "lot.tar")
    upload_bench.run_all(submission)
    assert outcomes(upload_bench, submission)["lot.tar/passwd.tif"] == "unsafe_member"


def test_side_cars_in_an_archive_are_read_with_their_images_which_are_analysed_once(upload_bench: Bench) -> None:
    content = zip_bytes({"lot/a.png": IMAGES["day 1/1.png"], "lot/a.txt": HITACHI, "readme.txt": b"notes"})
    submission = handed_in(upload_bench, content, "lot.zip")
    upload_bench.run_all(submission)
    (image,) = [job for job in upload_bench.jobs(submission) if job.analysis_id]
    assert upload_bench.analysis_of(image).nm_per_px == NM_PER_PX
    assert upload_bench.segmenter.calls == 1
    with upload_bench.database.reading() as session:
        beside = {row.name: row.has_image for row in session.scalars(select(SideCarRow))}
    assert beside == {"lot.zip/lot/a.txt": True, "lot.zip/readme.txt": False}


def test_an_archive_that_is_unpacked_again_adds_nothing_twice(upload_bench: Bench) -> None:
    content = zip_bytes([*IMAGES.items(), ("a.txt", HITACHI), ("../b.png", b"out")])
    submission = handed_in(upload_bench, content, "lot.zip")
    upload_bench.run_all(submission)
    before = [(job.id, job.source_name, job.state) for job in upload_bench.jobs(submission)]
    for _ in range(2):
        with upload_bench.database.writing() as session:
            session.execute(update(JobRow).where(JobRow.source_name == "lot.zip").values(state=JobState.QUEUED))
        upload_bench.run_all(submission)
    assert [(job.id, job.source_name, job.state) for job in upload_bench.jobs(submission)] == before
    assert upload_bench.segmenter.calls == 4


class DyingStore(FolderBlobStore):
    """Dies while some file is stored."""

    def __init__(self, root: Path, n_good: int) -> None:
        super().__init__(root)
        self.n_good = n_good

    def put(self, chunks, max_bytes=None) -> BlobInfo:  # type: ignore[no-untyped-def]
        self.n_good -= 1
        if self.n_good < 0:
            raise OperatorError("The disk of the file store is full.", code="storage_full")
        return super().put(chunks, max_bytes)


@pytest.mark.parametrize("n_good", [0, 2, 4])
def test_a_disk_that_is_full_in_the_middle_leaves_nothing_half_done(upload_bench: Bench, tmp_path: Path, n_good: int) -> None:
    submission = handed_in(upload_bench, zip_bytes(IMAGES), "lot.zip")
    (archive,) = upload_bench.jobs(submission)
    whole, upload_bench.store = upload_bench.store, DyingStore(tmp_path / "blobs", n_good)
    upload_bench.run(archive.id)
    if n_good < len(IMAGES):
        assert outcomes(upload_bench, submission) == {"lot.zip": "queued"}
    upload_bench.store = whole
    with upload_bench.database.writing() as session:
        session.execute(update(JobRow).values(not_before=None))
    upload_bench.run_all(submission)
    assert outcomes(upload_bench, submission) == {"lot.zip": "done"} | {f"lot.zip/{image}": "done" for image in IMAGES}


def test_a_worker_that_lost_its_archive_adds_nothing(upload_bench: Bench, tmp_path: Path) -> None:
    submission = handed_in(upload_bench, zip_bytes(IMAGES), "lot.zip")
    (archive,) = upload_bench.jobs(submission)

    class LosingStore(FolderBlobStore):
        """Another worker takes the job while a file is stored."""

        def put(self, chunks, max_bytes=None) -> BlobInfo:  # type: ignore[no-untyped-def]
            with upload_bench.database.writing() as session:
                session.execute(update(JobRow).values(lease_until=database_time(-1)))
                jobs.claim(session, [archive.id], lease_s=LEASE_S, max_attempts=MAX_ATTEMPTS)
            return super().put(chunks, max_bytes)

    whole, upload_bench.store = upload_bench.store, LosingStore(tmp_path / "blobs")
    upload_bench.run(archive.id)
    upload_bench.store = whole
    assert outcomes(upload_bench, submission) == {"lot.zip": "running"}


def test_an_archive_that_is_none_or_too_much_fails_with_the_reason_and_brings_nothing(
    database: Database, upload_bench: Bench
) -> None:
    runner = JobRunner(
        database,
        upload_bench.store,
        upload_bench.decoder,
        lambda _: upload_bench.segmenter,
        lease_s=LEASE_S,
        max_attempts=MAX_ATTEMPTS,
        archive_limits=ArchiveLimits(n_members=3),
    )
    submission = upload_bench.open("all")
    upload_bench.add(submission, b"no archive", "none.zip")
    upload_bench.add(submission, zip_bytes(IMAGES), "many.zip")
    runner.run([job.id for job in upload_bench.jobs(submission)])
    assert outcomes(upload_bench, submission) == {"none.zip": "archive_damaged", "many.zip": "too_many_members"}


def test_a_tar_that_is_cut_off_fails_and_what_came_before_is_analysed(upload_bench: Bench) -> None:
    content = tar_bytes(IMAGES)
    submission = handed_in(upload_bench, content[: content.index(b"day 1/3.png") + 700], "lot.tar")
    upload_bench.run_all(submission)
    found = outcomes(upload_bench, submission)
    assert found["lot.tar"] == "archive_damaged"
    assert [found["lot.tar/day 1/1.png"], found["lot.tar/day 0/2.png"]] == ["done", "done"]
    assert "lot.tar/day 0/4.png" not in found


def test_what_was_refused_stays_refused_when_the_failed_ones_are_tried_again(upload_bench: Bench) -> None:
    submission = handed_in(upload_bench, zip_bytes({"../a.png": b"out", "b.png": b"no image"}), "lot.zip")
    upload_bench.run_all(submission)
    with upload_bench.database.writing() as session:
        assert jobs.retry(session, JobRow.submission_id == submission) == 1
    upload_bench.run_all(submission)
    assert outcomes(upload_bench, submission) == {
        "lot.zip": "done",
        "lot.zip/a.png": "unsafe_member_name",
        "lot.zip/b.png": "unsupported_format",
    }


def test_thousands_of_members_come_in_one_go(database: Database, upload_bench: Bench) -> None:
    from shared import archives
    from shared.archives import RefusedMember, StoredMember

    submission = handed_in(upload_bench, b"archive", "lot.zip")
    (archive,) = upload_bench.jobs(submission)
    stored = [StoredMember(f"lot.zip/{n}.tif", BlobInfo(f"{n % 9000:064x}", n)) for n in range(10_000)]
    beside = [StoredMember(f"lot.zip/{n}.txt", BlobInfo(f"{n:064x}", n)) for n in range(10_000)]
    refused = [RefusedMember(f"lot.zip/bad {n}", "unsafe_member", "A link.") for n in range(1_000)]
    for _ in range(2):
        with database.writing() as session:
            archives.add_members(session, submission, archive.image_sha256, [*stored, *beside], refused)
    with database.reading() as session:
        assert submissions.counts(session, submission).total == 11_001
        assert session.scalar(select(func.count()).select_from(ImageRow)) == 9_001
        assert session.scalar(select(func.count()).select_from(SideCarRow).where(SideCarRow.has_image)) == 10_000


def test_a_file_in_a_folder_that_is_called_like_an_archive_is_an_image(upload_bench: Bench) -> None:
    submission = handed_in(upload_bench, IMAGES["day 1/1.png"], "lot.zip/a.png")
    upload_bench.run_all(submission)
    assert outcomes(upload_bench, submission) == {"lot.zip/a.png": "done"}
