"""`saemi admin groups`: how many turns each group gets in the queue beside the others."""

import click

from cli.console import print_json, print_table
from cli.preparation import required_database
from shared import turns, usage
from shared.settings import load_settings

# Groups of so many submissions back are listed, besides those whose weight was set.
LATELY = 1000


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def groups(context: click.Context, *, as_json: bool) -> None:
    """List the groups that share the queue with their weights; `set` changes one."""
    if context.invoked_subcommand is not None:
        return
    with required_database(load_settings()).reading() as session:
        weights = {row.name: row.weight for row in turns.group_weights(session)}
        names = sorted({*weights, *usage.group_names(session, LATELY)})
    listed = [{"group": name, "weight": weights.get(name, 1.0)} for name in names]
    if as_json:
        print_json(listed)
    else:
        print_table(("group", "weight"), [tuple(line.values()) for line in listed])


@groups.command("set")
@click.argument("group")
@click.argument("weight", type=click.FloatRange(min=0, min_open=True, max=1e6))
def set_weight(*, group: str, weight: float) -> None:
    """Give GROUP so many turns beside the others; 1 is what each has that nobody set."""
    with required_database(load_settings()).writing() as session:
        turns.set_group_weight(session, group, weight)
    click.echo(f"{group} has the weight {weight:g}.")
