"""Indexes for searches of past analyses; on PostgreSQL, where its extension pg_trgm is at hand, of parts of texts too.

Revision 0015.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

SORTED = ("created_at", "n_particles", "ecd_mean_nm", "ecd_d50_nm", "ecd_span")
STATISTICS = [
    "id",
    "n_particles",
    "n_touching_border",
    "n_low_confidence",
    "n_counted",
    "n_small",
    "capped_share",
    "coverage",
    *(f"ecd_{name}_{unit}" for name in ("mean", "sd", "d10", "d50", "d90") for unit in ("px", "nm")),
    "ecd_span",
    "ecd_geometric_mean_px",
    "ecd_geometric_mean_nm",
    "ecd_gsd",
    *(f"ecd_{name}_{unit}" for name in ("d32", "d43") for unit in ("px", "nm")),
]
STATED = ["instrument", "operator", "detector", "acquired_at", "id"]
# Names begin with this where no model declares the index, because not every database can have it.
TRIGRAM_INDEXES = {"trgm_job_source_name": "job USING gin (source_name gin_trgm_ops)"}
TRIGRAM_INDEXES |= {"trgm_recording_fields": "recording USING gin (CAST(fields AS text) gin_trgm_ops)"}


def upgrade() -> None:
    for name in SORTED:
        op.create_index(op.f(f"ix_analysis_{name}_id"), "analysis", [name, "id"])
    op.create_index("ix_analysis_statistics", "analysis", STATISTICS)
    op.create_index("ix_recording_stated", "recording", STATED)
    if op.get_bind().dialect.name == "postgresql" and _has_trigrams():
        for name, definition in TRIGRAM_INDEXES.items():
            op.execute(f"CREATE INDEX {name} ON {definition}")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for name in TRIGRAM_INDEXES:
            op.execute(f"DROP INDEX IF EXISTS {name}")
    op.drop_index("ix_recording_stated", "recording")
    op.drop_index("ix_analysis_statistics", "analysis")
    for name in SORTED:
        op.drop_index(op.f(f"ix_analysis_{name}_id"), "analysis")


def _has_trigrams() -> bool:
    """Take the extension in where the server has it and this user may; searches work without it, and take longer."""
    connection = op.get_bind()
    known = sa.text("SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_trgm'")
    if not connection.scalar(known):
        return False
    op.execute("DO $$ BEGIN CREATE EXTENSION IF NOT EXISTS pg_trgm; EXCEPTION WHEN insufficient_privilege THEN NULL; END $$")
    return bool(connection.scalar(sa.text("SELECT count(*) FROM pg_extension WHERE extname = 'pg_trgm'")))
