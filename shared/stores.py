"""The blob store that the settings name: a folder, or a bucket of an S3-compatible server."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared.errors import OperatorError
from shared.settings import Settings
from shared.spool import BlobSpool, ChunkSpool, FolderSpool
from shared.storage import BlobStore, FolderBlobStore

if TYPE_CHECKING:
    from shared.s3_client import S3Access
    from shared.s3_uploads import S3Uploads

# The modules of S3 are loaded where it is used: two tenths of a second that an installation without it need not wait for.


def blob_store(settings: Settings) -> BlobStore:
    """Return the store in force; nothing is asked of it yet."""
    if not settings.blob_url:
        return FolderBlobStore(settings.blob_dir, settings.min_free_bytes)
    from shared.s3_store import S3BlobStore  # noqa: PLC0415

    return S3BlobStore(_access(settings), *_place(settings))


def chunk_spool(settings: Settings, store: BlobStore) -> ChunkSpool:
    """Return where the pieces of uploads wait: beside the blobs of a folder, or in the bucket that all portals see."""
    return BlobSpool(store) if settings.blob_url else FolderSpool(settings.spool_dir, settings.min_free_bytes)


def signed_uploads(settings: Settings) -> "S3Uploads":
    """Return what lets browsers store files themselves; raises OperatorError ``no_public_store`` where they cannot."""
    if not settings.blob_url:
        raise OperatorError("The file store is a folder, which browsers do not reach.", code="no_public_store")
    from shared.s3_uploads import S3Uploads  # noqa: PLC0415

    return S3Uploads(_access(settings), *_place(settings))


def _place(settings: Settings) -> tuple[str, str]:
    """Return bucket and prefix."""
    url = urlsplit(settings.blob_url)
    return url.netloc, url.path.strip("/")


def _access(settings: Settings) -> "S3Access":
    from shared.s3_client import S3Access  # noqa: PLC0415

    return S3Access(
        endpoint_url=settings.s3_endpoint_url,
        public_url=settings.s3_public_url,
        access_key_id=settings.s3_access_key_id,
        secret_access_key=settings.s3_secret_access_key,
        region=settings.s3_region,
    )
