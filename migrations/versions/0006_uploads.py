"""Files that arrive in pieces, and side-cars found by their content.

Revision 0006.
"""

import sqlalchemy as sa
from alembic import op

from shared.database import UtcTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TIME = UtcTime(timezone=True)
BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "upload",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("submission_id", BIG_KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("n_bytes", sa.BigInteger(), nullable=False),
        sa.Column("n_received", sa.BigInteger(), nullable=False),
        sa.Column("stated_digest", sa.Text(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("completed_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_upload_submission_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload")),
    )
    op.create_index(op.f("ix_upload_expires_at"), "upload", ["expires_at"])
    op.create_table(
        "upload_chunk",
        sa.Column("upload_id", sa.Text(), nullable=False),
        sa.Column("first_byte", sa.BigInteger(), nullable=False),
        sa.Column("n_bytes", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["upload_id"], ["upload.id"], name=op.f("fk_upload_chunk_upload_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("upload_id", "first_byte", name=op.f("pk_upload_chunk")),
    )
    op.create_index(op.f("ix_side_car_sha256"), "side_car", ["sha256"])


def downgrade() -> None:
    op.drop_index("ix_side_car_sha256", "side_car")
    op.drop_table("upload_chunk")
    op.drop_table("upload")
