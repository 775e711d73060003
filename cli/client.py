"""The Python client: hand in micrographs, wait, read results.

>>> from cli.client import Saemi
>>> with Saemi("http://127.0.0.1:8000") as saemi:  # doctest: +SKIP
...     submission = saemi.open_submission("gold", nm_per_px=0.5)
...     saemi.add_file(submission.id, Path("gold_01.tif"))
...     saemi.wait(submission.id)
...     analyses = list(saemi.analyses(submission_id=submission.id))
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BufferedReader
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel

from cli import exporting
from cli.bulk.unfinished import UnfinishedUploads
from cli.connection import Connection
from cli.resumable import READ_BYTES, PieceByPiece
from shared.actions import Action, Retried
from shared.domain import DEFAULT_MIN_CONFIDENCE
from shared.image_names import WhichImages
from shared.leases import JobState
from shared.manifests import EntryState
from shared.turns import Priority
from web.action_schemas import ActionOutcome, ActionOutcomes
from web.analysis_schemas import Analysis, FoundParticle, Particle, RawMetadata
from web.calibration_schemas import CalibrationChange, CalibrationDecision, DecisionRequest
from web.export_schemas import Choices, Export, ExportBody
from web.manifest_schemas import Manifest, ManifestEntry
from web.paging import Page
from web.queue_schemas import Queue
from web.schemas import AddedFile, Job, RegisteredModel, SideCar, Submission
from web.upload_schemas import KnownFilesAnswer

Model = TypeVar("Model", bound=BaseModel)

# Larger ones go in pieces.
LARGE_FILE_BYTES = 64 * 2**20
POLL_INTERVAL_S = 0.5


class Saemi(Connection):
    """A connection to one portal and all that it can be asked; raises what a `Connection` raises."""

    def open_submission(
        self,
        project: str,
        *,
        sample: str | None = None,
        nm_per_px: float | None = None,
        model: str | None = None,
        min_confidence: float = DEFAULT_MIN_CONFIDENCE,
        images: WhichImages = "first",
        person: str | None = None,
        group: str | None = None,
        priority: Priority = Priority.NORMAL,
    ) -> Submission:
        """Open a submission; its files follow. Without a model it gets the default of the portal.

        Of files with several images, ``images`` takes the ``first`` or ``all``. ``person``, ``group`` and ``priority`` say
        whose turn it is in the queue.
        """
        body = {
            "project": project,
            "sample": sample,
            "nm_per_px": nm_per_px,
            "model": model,
            "min_confidence": min_confidence,
            "images": images,
            "person": person,
            "group": group,
            "priority": priority,
        }
        return Submission.model_validate(self.ask("POST", "/submissions", json=body))

    def add_known_files(self, submission_id: int, files: Sequence[tuple[str, str, int]]) -> KnownFilesAnswer:
        """Add those of the files, given by name, SHA-256 and bytes, whose content the portal has; says which it has not."""
        described = [{"name": name, "sha256": sha256, "n_bytes": n_bytes} for name, sha256, n_bytes in files]
        answer = self.ask("POST", f"/submissions/{submission_id}/known-files", json={"files": described})
        return KnownFilesAnswer.model_validate(answer)

    def add_file(
        self,
        submission_id: int,
        path: Path,
        name: str | None = None,
        on_bytes: Callable[[int], None] = lambda _: None,
        *,
        sha256: str | None = None,
    ) -> Job | SideCar:
        """Upload one file into a submission; the same file again returns the same job.

        A side-car (``.txt``, ``.hdr``, ``.emi``) goes first: an image that is there before it is analysed once more.
        A large file goes in pieces; after an interruption, also of this process, the same call goes on where it ended.

        Parameters
        ----------
        on_bytes
            Hears how much goes out or is there already, and of a file that begins anew how much to take back.
        sha256
            Of the content, where it is known; else it is computed from a large file.
        """
        name = name or os.fsencode(path.name).decode(errors="replace")
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > LARGE_FILE_BYTES:
                return self._add_in_pieces(submission_id, file, name, sha256, on_bytes)
            return self._add_whole(submission_id, file, name, on_bytes)

    def queue(self) -> Queue:
        """Return the queue as it is now: who works, who waits, and who uses what."""
        return Queue.model_validate(self.ask("GET", "/queue"))

    def put_manifest(self, submission_id: int, content: bytes, name: str = "manifest") -> Manifest:
        """Give a submission its manifest, CSV or XLSX, in the place of the one that it had; before its files or after them.

        Raises InputError ``manifest_refused`` where lines are wrong, with ``problems`` among its details.
        """
        path, headers = f"/submissions/{submission_id}/manifest", {"Content-Type": "application/octet-stream"}
        return Manifest.model_validate(
            self.ask("PUT", path, params={"name": name}, content=lambda: iter([content]), headers=headers)
        )

    def manifest(self, submission_id: int) -> Manifest:
        """Return the manifest of a submission, and how many of its files are here."""
        return Manifest.model_validate(self.ask("GET", f"/submissions/{submission_id}/manifest", params={"limit": 1}))

    def manifest_entries(self, submission_id: int, state: EntryState | None = None) -> Iterator[ManifestEntry]:
        """Yield what a manifest says of each file, in the order of its lines."""
        wanted = {"state": state} if state else {}
        return self._all_pages(ManifestEntry, f"/submissions/{submission_id}/manifest", wanted)

    def remove_manifest(self, submission_id: int) -> None:
        """Take the manifest of a submission away."""
        self.ask("DELETE", f"/submissions/{submission_id}/manifest")

    def submission(self, submission_id: int) -> Submission:
        """Return a submission with the counts of its jobs."""
        return Submission.model_validate(self.ask("GET", f"/submissions/{submission_id}"))

    def submissions(self) -> Iterator[Submission]:
        """Yield all submissions, the newest first."""
        return self._all_pages(Submission, "/submissions", {})

    def act(
        self, action: Action, submission_ids: Sequence[int], *, person: str | None = None, state: Retried = "failed"
    ) -> list[ActionOutcome]:
        """Pause, resume, cancel or retry submissions, all or none; what is so already stays so."""
        body = {"action": action, "submission_ids": list(submission_ids), "person": person, "state": state}
        return ActionOutcomes.model_validate(self.ask("POST", "/submissions/actions", json=body)).items

    def jobs(self, submission_id: int | None = None, **wanted: object) -> Iterator[Job]:
        """Yield the jobs of a submission, or of all, that fit all that is given, the newest first.

        Takes what the list of the API takes, such as ``state``, ``sample`` or ``metadata``.
        """
        of_submission = {} if submission_id is None else {"submission_id": submission_id}
        return self._all_pages(Job, "/jobs", {**of_submission, **wanted})

    def side_cars(self, submission_id: int) -> Iterator[SideCar]:
        """Yield the side-cars of a submission, the newest first."""
        return self._all_pages(SideCar, f"/submissions/{submission_id}/side-cars", {})

    def models(self) -> Iterator[RegisteredModel]:
        """Yield the models that analyses can name, the newest first."""
        return self._all_pages(RegisteredModel, "/models", {})

    def analysis(self, analysis_id: int) -> Analysis:
        """Return an analysis."""
        return Analysis.model_validate(self.ask("GET", f"/analyses/{analysis_id}"))

    def analyses(self, **wanted: object) -> Iterator[Analysis]:
        """Yield the analyses that fit all that is given, the newest first unless ``sort`` and ``order`` say otherwise.

        Takes what the list of the API takes, such as ``submission_id``, ``sample`` or ``instrument``, and as ``where`` a list
        of conditions, such as ``["ecd_d50_nm<40", "n_particles>500"]``.
        """
        return self._all_pages(Analysis, "/analyses", wanted)

    def search_particles(self, **wanted: object) -> Iterator[FoundParticle]:
        """Yield the particles of all analyses that fit all that is given, by analysis and label.

        Takes what `analyses` does but an order; ``where`` knows the quantities of particles too: ``["feret_max_nm>200"]``.
        """
        return self._all_pages(FoundParticle, "/particles", wanted)

    def search_csv(self, kind: Literal["analyses", "particles"], **wanted: object) -> Iterator[str]:
        """Yield all that `analyses` or `search_particles` would, as the text of a CSV table in pieces."""
        return self.text_of(f"/{kind}.csv", params=wanted)

    def particles(self, analysis_id: int) -> Iterator[Particle]:
        """Yield the particles of an analysis by label."""
        return self._all_pages(Particle, f"/analyses/{analysis_id}/particles", {})

    def metadata(self, analysis_id: int) -> dict[str, str]:
        """Return all fields that the file has about the image of an analysis."""
        return RawMetadata.model_validate(self.ask("GET", f"/analyses/{analysis_id}/metadata")).fields

    def calibration_changes(self, analysis_id: int) -> Iterator[CalibrationChange]:
        """Yield what became of the pixel size of an analysis, the newest first."""
        return self._all_pages(CalibrationChange, f"/analyses/{analysis_id}/calibration-changes", {})

    def decide(self, request: DecisionRequest) -> CalibrationDecision:
        """Decide which pixel size holds for an image, a submission or an instrument; a worker then applies it."""
        body = request.model_dump(mode="json", exclude_none=True)
        return CalibrationDecision.model_validate(self.ask("POST", "/calibration-decisions", json=body))

    def decision(self, decision_id: int) -> CalibrationDecision:
        """Return a decision and how far it is applied."""
        return CalibrationDecision.model_validate(self.ask("GET", f"/calibration-decisions/{decision_id}"))

    def decisions(self) -> Iterator[CalibrationDecision]:
        """Yield all decisions about pixel sizes, the newest first."""
        return self._all_pages(CalibrationDecision, "/calibration-decisions", {})

    def wait_for_decision(
        self, decision_id: int, on_progress: Callable[[CalibrationDecision], None] = lambda _: None
    ) -> CalibrationDecision:
        """Wait until a decision is applied or has failed."""
        while True:
            current = self.decision(decision_id)
            on_progress(current)
            if current.state in (JobState.DONE, JobState.FAILED):
                return current
            time.sleep(POLL_INTERVAL_S)

    def export(
        self, format_name: str, selection: str = "", *, analysis_ids: Sequence[int] | None = None, **choices: object
    ) -> Export:
        """Ask for an output of analyses, such as ``export("xlsx", "submission_id=12", weighting="volume")``.

        ``selection`` is the query of an address of the list of analyses; `choices` are those of `web.export_schemas.Choices`.
        """
        ids = None if analysis_ids is None else list(analysis_ids)
        body = ExportBody(format=format_name, selection=selection, analysis_ids=ids, choices=Choices.model_validate(choices))
        return exporting.ask_for_export(self, body)

    def shown_export(self, export_id: int) -> Export:
        """Return an export and how far it is."""
        return Export.model_validate(self.ask("GET", f"/exports/{export_id}"))

    def exports(self) -> Iterator[Export]:
        """Yield all exports, the newest first."""
        return self._all_pages(Export, "/exports", {})

    def wait_for_export(self, export_id: int, on_progress: Callable[[Export], None] = lambda _: None) -> Export:
        """Wait until the file of an export is made, or never will be."""
        return exporting.wait_for_export(self, export_id, on_progress)

    def cancel_export(self, export_id: int) -> Export:
        """Cancel an export that waits or is being made."""
        return Export.model_validate(self.ask("POST", f"/exports/{export_id}/cancel"))

    def download_export(self, export: Export, target: Path) -> Path:
        """Download the file of an export to a file or into a folder; returns where it lies."""
        return exporting.download_export(self, export, target)

    def wait(self, submission_id: int, on_progress: Callable[[Submission], None] = lambda _: None) -> Submission:
        """Wait until every job of a submission has come to an end."""
        while True:
            current = self.submission(submission_id)
            on_progress(current)
            if not current.counts.unfinished:
                return current
            time.sleep(POLL_INTERVAL_S)

    def _add_whole(self, submission_id: int, file: BufferedReader, name: str, on_bytes: Callable[[int], None]) -> Job | SideCar:
        n_bytes, n_sent = os.fstat(file.fileno()).st_size, 0

        def body() -> Iterator[bytes]:
            nonlocal n_sent
            on_bytes(-n_sent)
            n_sent = 0
            file.seek(0)
            while piece := file.read(READ_BYTES):
                self.require_not_given_up()
                yield piece
                n_sent += len(piece)
                on_bytes(len(piece))

        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(n_bytes)}
        path = f"/submissions/{submission_id}/files"
        return AddedFile.model_validate(self.ask("PUT", path, params={"name": name}, content=body, headers=headers)).root

    def _add_in_pieces(
        self, submission_id: int, file: BufferedReader, name: str, sha256: str | None, on_bytes: Callable[[int], None]
    ) -> Job | SideCar:
        sha256 = sha256 or hashlib.file_digest(file, "sha256").hexdigest()
        with UnfinishedUploads() as uploads:
            upload_id = PieceByPiece(self, submission_id, file, name=name, sha256=sha256, on_bytes=on_bytes).send(uploads)
        return AddedFile.model_validate(self.ask("GET", f"/uploads/{upload_id}/file")).root

    def _all_pages(self, item: type[Model], path: str, query: Mapping[str, object]) -> Iterator[Model]:
        cursor: str | None = None
        while True:
            params = {**query, "limit": 500, **({"cursor": cursor} if cursor else {})}
            page = Page[item].model_validate(self.ask("GET", path, params=params))  # type: ignore[valid-type]
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return
