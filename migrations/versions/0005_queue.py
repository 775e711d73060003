"""A queue for many: who hands in, how urgent, paused or not; who works, who leads; and the indexes that find open jobs fast.

Revision 0005.
"""

import sqlalchemy as sa
from alembic import op

from shared.database import UtcTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TIME = UtcTime(timezone=True)
OPEN = "state IN ('queued', 'running')"
IN_FLIGHT = "state = 'running' OR (state = 'queued' AND sent_at IS NOT NULL)"


def upgrade() -> None:
    op.add_column("submission", sa.Column("person", sa.Text(), nullable=True))
    op.add_column("submission", sa.Column("group_name", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("submission", sa.Column("priority", sa.Text(), nullable=False, server_default=sa.text("'normal'")))
    op.add_column("submission", sa.Column("paused_at", TIME, nullable=True))
    op.add_column("submission", sa.Column("pipeline_version", sa.Integer(), nullable=True))
    # Without accounts, what shares a project shares its turns.
    op.execute("UPDATE submission SET group_name = project")
    for table in ("job", "calibration_decision"):
        op.add_column(table, sa.Column("owner", sa.Text(), nullable=True))
    op.add_column("job", sa.Column("timings", sa.JSON(), nullable=True))
    _index("ix_job_open", ["submission_id", "id"], OPEN)
    _index("ix_job_in_flight", ["submission_id", "sent_at"], IN_FLIGHT)
    op.create_table(
        "group_weight",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_group_weight")),
    )
    op.create_table(
        "worker",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("software_version", sa.Text(), nullable=False),
        sa.Column("pipeline_version", sa.Integer(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("queues", sa.JSON(), nullable=False),
        sa.Column("n_processes", sa.Integer(), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("claimed_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_worker")),
    )
    op.create_table(
        "leader",
        sa.Column("office", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("lease_until", TIME, nullable=False),
        sa.PrimaryKeyConstraint("office", name=op.f("pk_leader")),
    )


def downgrade() -> None:
    for table in ("leader", "worker", "group_weight"):
        op.drop_table(table)
    op.drop_index("ix_job_in_flight", "job")
    op.drop_index("ix_job_open", "job")
    # What nobody wants any more has no state of its own there.
    op.execute(
        "UPDATE job SET state = 'failed', error_code = 'cancelled', error_message = 'Cancelled.' WHERE state = 'cancelled'"
    )
    op.drop_column("job", "timings")
    for table in ("job", "calibration_decision"):
        op.drop_column(table, "owner")
    for column in ("pipeline_version", "paused_at", "priority", "group_name", "person"):
        op.drop_column("submission", column)


def _index(name: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, "job", columns, sqlite_where=condition, postgresql_where=condition)
