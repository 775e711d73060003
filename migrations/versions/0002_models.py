"""Models, and how sure they are of each particle.

Revision 0002.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "model",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("card", sa.JSON(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("chosen_at", shared.database.UtcTime(timezone=True), nullable=True),
        sa.Column("added_at", shared.database.UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model")),
        sa.UniqueConstraint("name", "version", name=op.f("uq_model_name_version")),
    )
    only_the_default = sa.text("is_default")
    op.create_index(
        op.f("ix_model_is_default"),
        "model",
        ["is_default"],
        unique=True,
        sqlite_where=only_the_default,
        postgresql_where=only_the_default,
    )
    op.add_column("analysis", sa.Column("model_sha256", sa.Text(), nullable=True))
    op.add_column("analysis", sa.Column("n_low_confidence", sa.Integer(), nullable=True))
    op.add_column("particle", sa.Column("confidence", sa.Double(), nullable=True))
    op.add_column("particle", sa.Column("low_confidence", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("particle", "low_confidence")
    op.drop_column("particle", "confidence")
    op.drop_column("analysis", "n_low_confidence")
    op.drop_column("analysis", "model_sha256")
    op.drop_table("model")
