"""Whether a command line is one that `saemi` understands."""

from collections.abc import Sequence

import click

from cli.main import saemi


def parse(words: Sequence[str]) -> click.Context:
    """Parse a command line as `saemi` does, without running it; click.UsageError where it would refuse it."""
    program, *arguments = words
    assert program == "saemi", f"{program} is not of this project"
    command: click.Command = saemi
    # A command remembers its help option as of the first context that asks.
    context = click.Context(saemi, info_name=program, **saemi.context_settings)
    while isinstance(command, click.Group):
        name = arguments.pop(0)
        found = command.get_command(context, name)
        if found is None:
            raise click.UsageError(f"No such command {name!r}.", context)
        command, context = found, click.Context(found, parent=context, info_name=name)
    return command.make_context(command.name, arguments, parent=context.parent)
