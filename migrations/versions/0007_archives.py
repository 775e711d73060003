"""Archives as jobs of their own kind: what the bytes of a job are, and what there is to say of one that went well.

Revision 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job", sa.Column("content", sa.Text(), nullable=False, server_default=sa.text("'image'")))
    op.add_column("job", sa.Column("note", sa.Text(), nullable=True))


def downgrade() -> None:
    # An earlier release would take an archive for an image: those that still wait have no place there.
    op.execute(
        "UPDATE job SET state = 'failed', error_code = 'unsupported_format', error_message = 'Archives are not unpacked here.' "
        "WHERE content = 'archive' AND state IN ('queued', 'running')"
    )
    op.drop_column("job", "note")
    op.drop_column("job", "content")
