"""The application factory of the portal and its API."""

import threading

from flask import Flask, Response, request
from flask_openapi3 import Info, OpenAPI

from shared.database import Database
from shared.results import SOFTWARE_VERSION
from shared.settings import Settings
from shared.stores import blob_store, chunk_spool, signed_uploads
from web import health, metrics, request_ids, tracing
from web.api import (
    actions,
    analyses,
    assessments,
    comparisons,
    decisions,
    direct_uploads,
    distributions,
    exports,
    known_files,
    manifests,
    models,
    particles,
    queue,
    submissions,
    uploads,
)
from web.api.blueprint import API_PREFIX
from web.errors import invalid_request, register_error_handlers
from web.portal import portal
from web.schemas import ErrorAnswer
from web.services import EXTENSION, Services, services

# Requests that are answered however many uploads are under way.
THREADS_KEPT_FREE = 2
# Nobody waits longer before a page; a query that needs more is a defect, and must not hold a thread.
STATEMENT_TIMEOUT_S = 10.0
# Bodies that are read into memory: JSON. Files are streamed into the store, which has a limit of its own.
MAX_BODY_BYTES = 2**20
# Scripts come from the portal alone. Where browsers reach the file store, images come from there too and large files go there.
# Styles may be set by the chart and upload libraries.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:{stores}; connect-src 'self'{stores}; "
    "style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'self'"
)
# The pages that describe the API come from a library and start themselves by inline scripts; they too fetch nothing elsewhere.
API_SCRIPTS = "script-src 'self' 'unsafe-inline'; "

# In the order of the API's document.
API_PARTS = (
    *(submissions, actions, known_files, manifests, uploads, direct_uploads),
    *(analyses, distributions, assessments, comparisons, particles, decisions, exports, models, queue),
)


def create_app(settings: Settings) -> Flask:
    """Build the portal around its settings."""
    app = OpenAPI(
        "web",
        info=Info(title="SAEMI", version=SOFTWARE_VERSION, description="Particle sizes from electron micrographs."),
        doc_prefix=API_PREFIX,
        validation_error_model=ErrorAnswer,
        validation_error_callback=invalid_request,
        root_path=None,
    )
    store = blob_store(settings)
    app.extensions[EXTENSION] = Services(
        settings=settings,
        database=Database(
            settings.effective_database_url, settings.database_connections(settings.web_threads), STATEMENT_TIMEOUT_S
        ),
        store=store,
        spool=chunk_spool(settings, store),
        signed_uploads=signed_uploads(settings) if settings.browsers_reach_store else None,
        upload_slots=threading.BoundedSemaphore(settings.web_threads - THREADS_KEPT_FREE),
    )
    app.config["SWAGGER_CONFIG"] = {"validatorUrl": None}  # else the page sends the document to a server of its makers
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    for part in API_PARTS:
        app.register_api(part.api)
    app.register_blueprint(portal)
    app.register_blueprint(health.probes)
    request_ids.follow_requests(app)
    tracing.trace_requests(app)
    metrics.measure_requests(app, app.extensions[EXTENSION].database)
    register_error_handlers(app)
    app.after_request(_finish_response)
    return app


def _finish_response(response: Response) -> Response:
    """Give JSON an ETag, and every page the headers that keep foreign scripts out."""
    if request.method == "GET" and response.status_code == 200 and response.is_json and not response.direct_passthrough:
        response.add_etag()
        response.make_conditional(request)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    policy = CONTENT_SECURITY_POLICY.format(
        stores=f" {public_url}" if (public_url := services().settings.s3_public_url) else ""
    )
    response.headers["Content-Security-Policy"] = (API_SCRIPTS if request.path.startswith(API_PREFIX) else "") + policy
    return response
