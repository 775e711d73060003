"""What the API takes and gives about manifests, and about sample and metadata of files."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.manifest import Manifest as ReadManifest
from shared.manifest_filter import SEPARATOR, ManifestFilter
from shared.manifest_rows import ManifestRow
from shared.manifests import EntryState, ListedEntry, SampleData
from shared.manifests import ManifestCounts as CountedEntries
from shared.models import JobRow
from web.paging import PageQuery
from web.validation import Line

MAX_METADATA_CONDITIONS = 10


def _pair(text: str) -> str:
    key, _, value = text.partition(SEPARATOR)
    if not key.strip() or not value.strip():
        raise ValueError("key:value is needed, such as batch:12")
    return text


MetadataPair = Annotated[Line, Field(max_length=2500), AfterValidator(_pair)]


class FilesQuery(BaseModel):
    """What the files of what is listed are said to be."""

    model_config = ConfigDict(extra="forbid")

    sample: Line | None = Field(
        None, min_length=1, max_length=200, description="Sample of the file by its manifest, else of its submission; exactly."
    )
    metadata: list[MetadataPair] = Field(
        [],
        max_length=MAX_METADATA_CONDITIONS,
        description="`key:value` of a manifest, such as `batch:12`; the key in any case, the value exactly. Again for more.",
    )

    @property
    def files(self) -> ManifestFilter:
        """The same as the database functions take it."""
        return ManifestFilter(sample=self.sample, metadata=tuple(self.metadata))


class ManifestNameQuery(BaseModel):
    """Name of a manifest."""

    model_config = ConfigDict(extra="forbid")

    name: Line = Field("manifest", min_length=1, max_length=500, description="Name of its file, to show.")


class ManifestQuery(PageQuery):
    """Which entries of a manifest to list."""

    state: EntryState | None = Field(None, description="Those whose file is `here`, `missing` or `ambiguous`.")


class ManifestCounts(BaseModel):
    """Number of entries by whether their file is here."""

    model_config = ConfigDict(from_attributes=True)

    total: int
    here: int
    missing: int = Field(description="No file of this name has come.")
    ambiguous: int = Field(description="The names of several files end so; the entry counts for none of them.")
    files_without_entry: int = Field(description="Files of images that no entry names.")


class Manifest(BaseModel):
    """The manifest of a submission, and how much of it is here."""

    submission_id: int
    name: str
    keys: list[str] = Field(description="Headers of the metadata, in the order of the columns.")
    created_at: datetime
    counts: ManifestCounts

    @classmethod
    def of(cls, row: ManifestRow, counts: CountedEntries) -> Self:
        """Describe a row."""
        about = {"submission_id": row.submission_id, "name": row.name, "keys": row.keys, "created_at": row.created_at}
        return cls.model_validate({**about, "counts": ManifestCounts.model_validate(counts)})


class ManifestEntry(BaseModel):
    """What a manifest says of one file."""

    line: int = Field(description="Line of the manifest, from 1.")
    file: str = Field(description="The file's name in the submission, or the end of it.")
    state: EntryState
    source_name: str | None = Field(description="The file that is meant; null where it is not here, or ambiguous.")
    sample: str | None
    metadata: dict[str, str]

    @classmethod
    def of(cls, listed: ListedEntry) -> "ManifestEntry":
        """Describe an entry."""
        row = listed.row
        return cls(
            line=row.line,
            file=row.file_name,
            state=listed.state,
            source_name=row.source_name,
            sample=row.sample,
            metadata=listed.metadata,
        )


class ManifestPage(Manifest):
    """A manifest with one page of its entries, in the order of its lines."""

    items: list[ManifestEntry] = []
    next_cursor: str | None = None


class CheckedManifest(BaseModel):
    """A manifest that would be taken."""

    n_entries: int
    keys: list[str]
    n_samples: int = Field(description="Different samples that it names.")

    @classmethod
    def of(cls, manifest: ReadManifest) -> "CheckedManifest":
        """Describe a manifest that was read."""
        samples = {entry.sample for entry in manifest.entries} - {None}
        return cls(n_entries=len(manifest.entries), keys=list(manifest.keys), n_samples=len(samples))


class Origin(BaseModel):
    """As what an analysed image was handed in."""

    job_id: int
    submission_id: int
    source_name: str
    sample: str | None = Field(description="Of the file by the manifest, else of the submission.")
    metadata: dict[str, str]

    @classmethod
    def of(cls, job: JobRow, sample_data: SampleData) -> "Origin":
        """Describe a job with what its file is said to be."""
        return cls(
            job_id=job.id,
            submission_id=job.submission_id,
            source_name=job.source_name,
            sample=sample_data.sample,
            metadata=sample_data.metadata,
        )
