"""Particles in partitions by ranges of analyses, on PostgreSQL.

Hundreds of millions of rows stay in pieces that fit into memory with their indexes, are vacuumed one by one, and of which a
search for one analysis looks into one. SQLite knows no partitions, and installations that outgrow it move.

Revision 0008.
"""

from collections.abc import Iterable, Iterator

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# About 20 million particles each; the last one takes what comes after them.
ANALYSES_IN_ONE = 100_000
N_PARTITIONS = 64
COLUMNS = (
    "analysis_id",
    "label",
    "centroid_y_px",
    "centroid_x_px",
    "area_px",
    "area_nm2",
    "ecd_px",
    "ecd_nm",
    "perimeter_px",
    "perimeter_nm",
    "feret_max_px",
    "feret_max_nm",
    "feret_min_px",
    "feret_min_nm",
    "aspect_ratio",
    "circularity",
    "solidity",
    "touches_border",
    "confidence",
    "low_confidence",
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _move_rows("PARTITION BY RANGE (analysis_id)", _partitions())


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _move_rows("", ())


def _move_rows(kind: str, further: Iterable[str]) -> None:
    """Make the table anew, of another kind, with all its rows."""
    op.execute("ALTER TABLE particle RENAME TO particle_before")
    op.execute("ALTER TABLE particle_before RENAME CONSTRAINT pk_particle TO pk_particle_before")
    op.execute("ALTER TABLE particle_before RENAME CONSTRAINT fk_particle_analysis_id TO fk_particle_before")
    op.execute(f"CREATE TABLE particle (LIKE particle_before INCLUDING DEFAULTS) {kind}")
    for statement in further:
        op.execute(statement)
    before = sa.table("particle_before", *(sa.column(name) for name in COLUMNS))
    op.execute(
        sa.insert(sa.table("particle", *(sa.column(name) for name in COLUMNS))).from_select(COLUMNS, sa.select(*before.c))
    )
    # After the rows, because an index that is built at once is built faster.
    op.create_primary_key("pk_particle", "particle", ["analysis_id", "label"])
    op.create_foreign_key("fk_particle_analysis_id", "particle", "analysis", ["analysis_id"], ["id"], ondelete="CASCADE")
    op.execute("DROP TABLE particle_before CASCADE")


def _partitions() -> Iterator[str]:
    for number in range(N_PARTITIONS):
        first, end = number * ANALYSES_IN_ONE, (number + 1) * ANALYSES_IN_ONE
        name = f"particle_{number:02}"
        yield f"CREATE TABLE {name} PARTITION OF particle FOR VALUES FROM ({first}) TO ({end})"
    yield "CREATE TABLE particle_later PARTITION OF particle DEFAULT"
