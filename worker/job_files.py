"""The files of a job, from the store to the decoder: the image, and the side-cars that belong to it."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath

from shared.domain import Micrograph
from shared.jobs import Claim
from shared.side_cars import BelongingSideCar
from shared.storage import BlobStore
from worker.micrograph.sandbox import Decoder


def read(store: BlobStore, decoder: Decoder, claim: Claim, beside: Sequence[BelongingSideCar]) -> Micrograph:
    """Decode the image of a job; raises as `Decoder.decode` does, and NotFoundError where a blob is gone."""
    with store.local_path(claim.image_sha256) as path, _local_paths(store, beside) as paths:
        return decoder.decode(path, paths, claim.image_index, PurePosixPath(claim.source_name).name)


def count_images(store: BlobStore, decoder: Decoder, claim: Claim, beside: Sequence[BelongingSideCar]) -> int:
    """Count the images of a job's file."""
    with store.local_path(claim.image_sha256) as path, _local_paths(store, beside) as paths:
        return decoder.count_images(path, paths)


@contextmanager
def _local_paths(store: BlobStore, beside: Sequence[BelongingSideCar]) -> Iterator[dict[str, Path]]:
    with ExitStack() as stack:
        yield {one.name: stack.enter_context(store.local_path(one.sha256)) for one in beside}
