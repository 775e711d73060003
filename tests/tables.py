"""The tables of a database, whatever parts PostgreSQL keeps them in."""

import re

from sqlalchemy import Connection, inspect


def table_names(connection: Connection) -> set[str]:
    """Names of the tables, parts of the particles' table left out."""
    return {name for name in inspect(connection).get_table_names() if not is_partition(name)}


def is_partition(name: str | None) -> bool:
    """PostgreSQL lists the parts of the particles' table as tables of their own."""
    return re.fullmatch(r"particle_(\d\d|later)", name or "") is not None
