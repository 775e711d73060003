"""Who paused a submission, and what came to an end lately, found without looking at years of finished jobs.

Revision 0009.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ENDED = "finished_at IS NOT NULL"


def upgrade() -> None:
    op.add_column("submission", sa.Column("paused_by", sa.Text(), nullable=True))
    condition = sa.text(ENDED)
    columns = ["finished_at", "submission_id", "state"]
    op.create_index("ix_job_ended", "job", columns, sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    op.drop_index("ix_job_ended", "job")
    op.drop_column("submission", "paused_by")
