"""Who paused a submission, and what came to an end lately or belongs to a submission, found without sorting or years of rows.

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
    op.create_index("ix_job_submission_id_id", "job", ["submission_id", "id"])
    condition = sa.text(ENDED)
    columns = ["finished_at", "submission_id", "state", "started_at"]
    op.create_index("ix_job_ended", "job", columns, sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    op.drop_index("ix_job_ended", "job")
    op.drop_index("ix_job_submission_id_id", "job")
    op.drop_column("submission", "paused_by")
