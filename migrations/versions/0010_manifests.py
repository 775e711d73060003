"""Manifests: sample and metadata of each file of a submission.

Revision 0010.
"""

import sqlalchemy as sa
from alembic import op

from shared.database import UtcTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "manifest",
        sa.Column("submission_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("keys", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_manifest_submission_id")),
        sa.PrimaryKeyConstraint("submission_id", name=op.f("pk_manifest")),
    )
    op.create_table(
        "manifest_entry",
        sa.Column("submission_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sample", sa.Text(), nullable=True),
        sa.Column("source_name", sa.Text(), nullable=True),
        sa.Column("is_ambiguous", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["manifest.submission_id"],
            name=op.f("fk_manifest_entry_submission_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("submission_id", "line", name=op.f("pk_manifest_entry")),
        sa.UniqueConstraint("submission_id", "file_name", name=op.f("uq_manifest_entry_submission_id_file_name")),
    )
    op.create_index("ix_manifest_entry_submission_id_source_name", "manifest_entry", ["submission_id", "source_name"])
    op.create_index("ix_manifest_entry_sample_submission_id", "manifest_entry", ["sample", "submission_id"])
    op.create_table(
        "manifest_value",
        sa.Column("submission_id", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["manifest.submission_id"],
            name=op.f("fk_manifest_value_submission_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("submission_id", "line", "position", name=op.f("pk_manifest_value")),
    )
    columns = ["key", "value", "submission_id", "line"]
    op.create_index("ix_manifest_value_key_value_submission_id_line", "manifest_value", columns)


def downgrade() -> None:
    op.drop_table("manifest_value")
    op.drop_table("manifest_entry")
    op.drop_table("manifest")
