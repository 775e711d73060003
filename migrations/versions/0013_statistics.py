"""Statistics under a counting rule, the verdict whether an image is fit for sizing, and what pooling needs of each analysis.

Revision 0013.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

COUNTS = ("n_counted", "n_small")
NUMBERS = (
    "capped_share",
    "coverage",
    "ecd_span",
    "ecd_geometric_mean_px",
    "ecd_geometric_mean_nm",
    "ecd_gsd",
    "ecd_d32_px",
    "ecd_d32_nm",
    "ecd_d43_px",
    "ecd_d43_nm",
)


def upgrade() -> None:
    columns = [
        *(sa.Column(name, sa.Integer(), nullable=True) for name in COUNTS),
        *(sa.Column(name, sa.Double(), nullable=True) for name in NUMBERS),
        sa.Column("fitness", sa.Text(), nullable=True),
        sa.Column("fitness_reasons", sa.JSON(), nullable=True),
        sa.Column("ecd_bins", sa.LargeBinary(), nullable=True),
        sa.Column("ecd_sums", sa.LargeBinary(), nullable=True),
    ]
    for column in columns:
        op.add_column("analysis", column)


def downgrade() -> None:
    for name in ("ecd_sums", "ecd_bins", "fitness_reasons", "fitness", *reversed(NUMBERS), *reversed(COUNTS)):
        op.drop_column("analysis", name)
