"""What is kept for how long: submissions that people keep, originals that were removed, and the indexes that find what is due.

And how full the passes of the network were, and which request a job came by.

Revision 0011.
"""

import sqlalchemy as sa
from alembic import op

from shared.database import UtcTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TIME = UtcTime(timezone=True)
STORED = "removed_at IS NULL"


def upgrade() -> None:
    for name in ("kept_at", "removed_at"):
        op.add_column("submission", sa.Column(name, TIME, nullable=True))
    op.add_column("submission", sa.Column("kept_by", sa.Text(), nullable=True))
    for table, key in (("image", "sha256"), ("side_car", "id")):
        op.add_column(table, sa.Column("removed_at", TIME, nullable=True))
        op.add_column(table, sa.Column("removed_after_days", sa.Integer(), nullable=True))
        condition = sa.text(STORED)
        op.create_index(f"ix_{table}_stored", table, ["created_at", key], sqlite_where=condition, postgresql_where=condition)
    op.add_column("job", sa.Column("network_load", sa.JSON(), nullable=True))
    op.add_column("job", sa.Column("traceparent", sa.Text(), nullable=True))
    op.create_index("ix_job_image_sha256", "job", ["image_sha256"])


def downgrade() -> None:
    op.drop_index("ix_job_image_sha256", "job")
    op.drop_column("job", "traceparent")
    op.drop_column("job", "network_load")
    for table in ("side_car", "image"):
        op.drop_index(f"ix_{table}_stored", table)
        op.drop_column(table, "removed_after_days")
        op.drop_column(table, "removed_at")
    for name in ("removed_at", "kept_by", "kept_at"):
        op.drop_column("submission", name)
