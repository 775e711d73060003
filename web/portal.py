"""The pages people see."""

from flask import Blueprint, render_template

portal = Blueprint("portal", __name__)


@portal.get("/")
def upload_page() -> str:
    """Show the page to hand in micrographs."""
    return render_template("upload.html")
