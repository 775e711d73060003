"""The pages people see and their addresses; what each shows is read in `views` and written out in `pages`."""

from flask import Blueprint

from web.pages.writing import local_time, rate
from web.views import analyses, decisions, distributions, exports, queue, reference, selections, submissions

portal = Blueprint("portal", __name__)
for written in (local_time, rate):
    portal.add_app_template_filter(written)
for address, view in (
    ("/", submissions.submit_page),
    ("/jobs", submissions.jobs_page),
    ("/submissions", submissions.submissions_page),
    ("/submissions/<int:submission_id>", submissions.submission_page),
    ("/queue", queue.queue_page),
    ("/analyses", selections.analyses_page),
    ("/particles", selections.particles_page),
    ("/analyses/<int:analysis_id>", analyses.result_page),
    ("/distribution", distributions.distribution_page),
    ("/decisions", decisions.decisions_page),
    ("/exports", exports.exports_page),
    ("/models", reference.models_page),
    ("/definitions", reference.definitions_page),
):
    portal.add_url_rule(address, view_func=view)
