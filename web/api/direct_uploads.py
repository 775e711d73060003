"""Large files past the portal, where browsers reach the file store: an address to send them to, and their end."""

from flask import Response

from web import direct_uploads
from web.api.blueprint import answer, api_blueprint
from web.receiving import upload_slot
from web.schemas import AddedFile, ErrorAnswer, IdPath
from web.services import services
from web.upload_schemas import DirectUpload, DirectUploadRequest, UploadPath

api = api_blueprint("direct_uploads", "Files that go to the file store themselves, where browsers reach it.")


@api.post("/submissions/<int:id>/direct-uploads", responses={201: DirectUpload, 409: ErrorAnswer, 413: ErrorAnswer})
def begin_direct_upload(path: IdPath, body: DirectUploadRequest) -> Response:
    """Open an upload into a submission; its bytes go by one PUT to the address that is answered.

    Refused with 409 (`no_public_store`) where browsers do not reach the file store. An upload without its end is removed after
    a day.
    """
    return answer(direct_uploads.begin(services(), path.id, body.name, body.n_bytes, body.sha256), 201)


@api.post(
    "/direct-uploads/<id>/finish",
    responses={200: AddedFile, 201: AddedFile, 409: ErrorAnswer, 410: ErrorAnswer, 413: ErrorAnswer},
)
def finish_direct_upload(path: UploadPath) -> Response:
    """Tell that all bytes were sent; the file is hashed and becomes what a file does that is sent to the portal.

    May be told again at any time: a second time answers 200 with what is there.
    """
    with upload_slot():
        added, is_new = direct_uploads.finish(services(), path.id)
    return answer(added, 201 if is_new else 200)
