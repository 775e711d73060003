"""`saemi admin retention`: what the rule in force would remove at this moment."""

from dataclasses import asdict

import click

from cli.console import print_json, print_table
from cli.preparation import required_database
from shared import exports
from shared.retention import RetentionRule, survey
from shared.settings import load_settings

NAMES = {
    "images": "images, their bytes",
    "side_cars": "side-cars, their bytes",
    "submissions": "submissions with all results",
    "exports": "files of exports",
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def retention(*, as_json: bool) -> None:
    """Say what would be removed by age now, and change nothing. The scheduler removes it within the hour."""
    settings = load_settings()
    rule = RetentionRule.of(settings)
    with required_database(settings).reading() as session:
        due = {**survey(session, rule), "exports": exports.aged(session, settings.keep_exports_days)}
    if as_json:
        found = {name: asdict(one) | {"oldest": one.oldest and one.oldest.isoformat()} for name, one in due.items()}
        print_json({**asdict(rule), "exports_days": settings.keep_exports_days, "due": found})
        return
    kept = f"for {settings.keep_exports_days} days" if settings.keep_exports_days else "for ever"
    click.echo(f"The rule: {rule.words}. Files of exports, which can be made again, are kept {kept}.")
    rows = [(NAMES[name], one.n, one.n_bytes, one.oldest and f"{one.oldest:%Y-%m-%d}") for name, one in due.items()]
    print_table(("would be removed", "number", "bytes", "oldest"), rows)
