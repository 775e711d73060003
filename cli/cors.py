"""`saemi admin cors`: whether browsers may send large files from pages of the portal to the file store, and the rule for it."""

import re

import click

from shared.settings import load_settings
from shared.stores import signed_uploads

ORIGIN = re.compile(r"https?://[a-z0-9.\-\[\]:]+")


def _origin(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
    if not ORIGIN.fullmatch(text.lower()):
        raise click.BadParameter("an origin is a scheme and a host, such as https://saemi.example.org")
    return text.lower()


@click.command()
@click.argument("origin", callback=_origin)
@click.option("--check", is_flag=True, help="Ask only, as a browser does, and change nothing.")
def cors(*, origin: str, check: bool) -> None:
    """Let pages of ORIGIN, such as https://saemi.example.org, send large files to the bucket, and check that browsers may.

    ORIGIN is how people reach the portal. The rule replaces the one that SAEMI set before; other rules of the bucket stay.
    """
    settings = load_settings()
    uploads = signed_uploads(settings)
    if not check:
        uploads.let_pages_send(origin)
    uploads.require_pages_may_send(origin)
    click.echo(f"Pages of {origin} may send files to {settings.s3_public_url}.")
