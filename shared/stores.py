"""The blob store that the settings name: a folder, or a bucket of an S3-compatible server."""

from urllib.parse import urlsplit

from shared.settings import Settings
from shared.storage import BlobStore, FolderBlobStore


def blob_store(settings: Settings) -> BlobStore:
    """Return the store in force; nothing is asked of it yet."""
    if not settings.blob_url:
        return FolderBlobStore(settings.blob_dir, settings.min_free_bytes)
    # A third of a second that an installation without S3 need not wait for.
    from shared.s3_client import S3Access  # noqa: PLC0415
    from shared.s3_store import S3BlobStore  # noqa: PLC0415

    place = urlsplit(settings.blob_url)
    access = S3Access(
        endpoint_url=settings.s3_endpoint_url,
        public_url=settings.s3_public_url,
        access_key_id=settings.s3_access_key_id,
        secret_access_key=settings.s3_secret_access_key,
        region=settings.s3_region,
    )
    return S3BlobStore(access, bucket=place.netloc, prefix=place.path.strip("/"))
