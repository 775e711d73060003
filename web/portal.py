"""The pages people see and their addresses; what each shows is read in `views` and written out in `pages`."""

from flask import Blueprint

from web.pages.writing import local_time
from web.views import analyses, decisions, reference, submissions

portal = Blueprint("portal", __name__)
portal.add_app_template_filter(local_time)
for address, view in (
    ("/", submissions.submit_page),
    ("/jobs", submissions.jobs_page),
    ("/submissions", submissions.submissions_page),
    ("/submissions/<int:submission_id>", submissions.submission_page),
    ("/analyses", analyses.analyses_page),
    ("/analyses/<int:analysis_id>", analyses.result_page),
    ("/decisions", decisions.decisions_page),
    ("/models", reference.models_page),
    ("/definitions", reference.definitions_page),
):
    portal.add_url_rule(address, view_func=view)
