"""Files that need no upload, because their bytes are here already."""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor

from flask import Response, request

from shared import known_files, submissions
from shared.errors import InputError
from shared.image_names import clean_name
from shared.known_files import NamedFile
from web.api.blueprint import answer, api_blueprint
from web.schemas import IdPath
from web.services import services
from web.upload_schemas import KnownFile, KnownFilesAnswer, KnownFilesRequest, RefusedFile

# Five thousand names of a few hundred bytes each, with their hashes.
MAX_BODY_BYTES = 8 * 2**20
# Questions to a store of objects take milliseconds each.
PARALLEL_LOOKS = 16

api = api_blueprint("known_files", "Files that need no upload, because their bytes are here already.")


@api.before_request
def allow_long_lists() -> None:
    """Take more than other requests may bring."""
    request.max_content_length = MAX_BODY_BYTES


@api.post("/submissions/<int:id>/known-files", responses={200: KnownFilesAnswer})
def add_known_files(path: IdPath, body: KnownFilesRequest) -> Response:
    """Add files by their SHA-256 where an image or side-car with these bytes was handed in before; the others are named.

    An image of which a side-car in the same request is missing counts as missing too: it is to be sent after that one.

    All of them are added or, where the request fails, none. The same request again changes nothing. Whoever knows the SHA-256
    of a file counts as somebody who has it: the answer tells whether it is here, and its analysis becomes part of the
    submission.
    """
    files, refused = _cleaned(body.files)
    with services().database.reading() as session:
        submissions.submission(session, path.id)
        known = known_files.known(session, list(files.values()))
    present = _in_store(known)
    with services().database.writing() as session:
        # Asked again, so that the row that keeps the bytes from being cleaned away is seen by who adds another one.
        present &= known_files.known(session, list(files.values()))
        here = {position: file for position, file in files.items() if file.sha256 in present}
        absent = [file for position, file in files.items() if position not in here]
        waiting = known_files.awaiting_side_cars(here.values(), absent)
        here = {position: file for position, file in here.items() if file not in waiting}
        added = known_files.add_known_files(session, path.id, list(here.values()))
    reasons = {one.file: one for one in added.refused}
    refused += [
        RefusedFile(position=position, name=file.name, code=reasons[file].code, message=reasons[file].message)
        for position, file in here.items()
        if file in reasons
    ]
    missing = [position for position in files if position not in here]
    return answer(
        KnownFilesAnswer(
            n_added=added.n_new,
            missing=[files[position].name for position in missing],
            missing_positions=missing,
            refused=refused,
        )
    )


def _cleaned(given: Sequence[KnownFile]) -> tuple[dict[int, NamedFile], list[RefusedFile]]:
    """Return the files by their places, under names as they are stored, and those whose names are no names."""
    files, refused = {}, []
    for position, file in enumerate(given):
        try:
            files[position] = NamedFile(clean_name(file.name), file.sha256, file.n_bytes)
        except InputError as error:
            # Half a surrogate pair, which JSON can bring, cannot be answered.
            name = file.name.encode(errors="replace").decode()
            refused.append(RefusedFile(position=position, name=name, code=error.code, message=error.message))
    return files, refused


def _in_store(hashes: Collection[str]) -> set[str]:
    """Return those whose bytes are really there: a store may have lost some."""
    store, wanted = services().store, list(hashes)
    with ThreadPoolExecutor(PARALLEL_LOOKS) as pool:
        return {sha256 for sha256, is_there in zip(wanted, pool.map(store.exists, wanted), strict=True) if is_there}
