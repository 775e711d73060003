"""More columns of the particles: axes, shape factors, grey values, neighbours and the weight for the border.

Revision 0012.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

COLUMNS = (
    "feret_mean_px",
    "feret_mean_nm",
    "major_axis_px",
    "major_axis_nm",
    "minor_axis_px",
    "minor_axis_nm",
    "orientation_deg",
    "elongation",
    "roundness",
    "convexity",
    "extent",
    "eccentricity",
    "mean_intensity",
    "sd_intensity",
    "nnd_px",
    "nnd_nm",
    "nn_gap_px",
    "nn_gap_nm",
    "edge_weight",
)


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("particle", sa.Column(name, sa.Double(), nullable=True))


def downgrade() -> None:
    for name in reversed(COLUMNS):
        op.drop_column("particle", name)
