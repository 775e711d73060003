"""Outputs that people ask for, and the files made of them.

Revision 0014.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = shared.database.UtcTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "export",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("selection", sa.Text(), nullable=False),
        sa.Column("analysis_ids", sa.JSON(), nullable=True),
        sa.Column("wanted", sa.JSON(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("choices", sa.JSON(), nullable=False),
        sa.Column("n_images", sa.Integer(), nullable=True),
        sa.Column("n_done", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("n_bytes", sa.BigInteger(), nullable=True),
        sa.Column("removed_at", TIME, nullable=True),
        sa.Column("removed_after_days", sa.Integer(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        *(sa.Column(name, TIME, nullable=True) for name in ("lease_until", "not_before", "sent_at")),
        sa.Column("created_at", TIME, nullable=False),
        *(sa.Column(name, TIME, nullable=True) for name in ("started_at", "finished_at")),
        *(sa.Column(f"error_{name}", sa.Text(), nullable=True) for name in ("code", "message", "reference")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export")),
    )
    op.create_index(op.f("ix_export_state_id"), "export", ["state", "id"])
    op.create_index(op.f("ix_export_finished_at"), "export", ["finished_at"])


def downgrade() -> None:
    op.drop_table("export")
