"""Side-cars that were handed in with images, and the images of a file beyond the first.

Revision 0004.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BEFORE = ["submission_id", "source_name", "image_sha256"]
IDENTITY = [*BEFORE, "image_index"]
BEFORE_NAME, IDENTITY_NAME = (f"uq_job_{'_'.join(columns)}" for columns in (BEFORE, IDENTITY))


def upgrade() -> None:
    op.create_table(
        "side_car",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("submission_id", BIG_KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("n_bytes", sa.BigInteger(), nullable=False),
        sa.Column("has_image", sa.Boolean(), nullable=False),
        sa.Column("created_at", shared.database.UtcTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_side_car_submission_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_side_car")),
        sa.UniqueConstraint("submission_id", "name", name=op.f("uq_side_car_submission_id_name")),
    )
    op.add_column("submission", sa.Column("images", sa.Text(), nullable=False, server_default=sa.text("'first'")))
    op.add_column("analysis", sa.Column("n_images", sa.Integer(), nullable=True))
    with op.batch_alter_table("job") as job:
        job.add_column(sa.Column("image_index", sa.Integer(), nullable=False, server_default=sa.text("0")))
        job.add_column(sa.Column("n_images", sa.Integer(), nullable=True))
        job.add_column(sa.Column("is_outdated", sa.Boolean(), nullable=False, server_default=sa.false()))
        job.drop_constraint(BEFORE_NAME, type_="unique")
        job.create_unique_constraint(IDENTITY_NAME, IDENTITY)


def downgrade() -> None:
    _refuse_what_the_old_tables_cannot_hold()
    with op.batch_alter_table("job") as job:
        job.drop_constraint(IDENTITY_NAME, type_="unique")
        job.create_unique_constraint(BEFORE_NAME, BEFORE)
        for name in ("is_outdated", "n_images", "image_index"):
            job.drop_column(name)
    op.drop_column("analysis", "n_images")
    op.drop_column("submission", "images")
    op.drop_table("side_car")


def _refuse_what_the_old_tables_cannot_hold() -> None:
    """Several images of one file would become one job too many of the same file."""
    n_jobs = op.get_bind().scalar(sa.text("SELECT count(*) FROM job WHERE image_index <> 0"))
    if n_jobs:
        raise RuntimeError(f"{n_jobs} jobs of further images of a file have no place in revision 0003")
