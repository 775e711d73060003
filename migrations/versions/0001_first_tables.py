"""Images, submissions, jobs, analyses and particles.

Revision 0001, the first.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "image",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("n_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", shared.database.UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_image")),
    )
    op.create_table(
        "submission",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("sample", sa.Text(), nullable=True),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("created_at", shared.database.UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission")),
    )
    op.create_table(
        "analysis",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("image_sha256", sa.Text(), nullable=False),
        sa.Column("model_name", sa.Text(), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("parameters_sha256", sa.Text(), nullable=False),
        sa.Column("software_version", sa.Text(), nullable=False),
        sa.Column("created_at", shared.database.UtcTime(timezone=True), nullable=False),
        sa.Column("duration_s", sa.Double(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("bit_depth", sa.Integer(), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=False),
        sa.Column("height_px", sa.Integer(), nullable=False),
        sa.Column("banner_top", sa.Integer(), nullable=True),
        sa.Column("banner_bottom", sa.Integer(), nullable=True),
        sa.Column("field_top", sa.Integer(), nullable=False),
        sa.Column("field_bottom", sa.Integer(), nullable=False),
        sa.Column("field_left", sa.Integer(), nullable=False),
        sa.Column("field_right", sa.Integer(), nullable=False),
        sa.Column("nm_per_px", sa.Double(), nullable=True),
        sa.Column("calibration_source", sa.Text(), nullable=True),
        sa.Column("calibration_status", sa.Text(), nullable=False),
        sa.Column("counting_rule", sa.Text(), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("n_particles", sa.Integer(), nullable=False),
        sa.Column("n_touching_border", sa.Integer(), nullable=False),
        sa.Column("ecd_mean_px", sa.Double(), nullable=True),
        sa.Column("ecd_mean_nm", sa.Double(), nullable=True),
        sa.Column("ecd_sd_px", sa.Double(), nullable=True),
        sa.Column("ecd_sd_nm", sa.Double(), nullable=True),
        sa.Column("ecd_d10_px", sa.Double(), nullable=True),
        sa.Column("ecd_d10_nm", sa.Double(), nullable=True),
        sa.Column("ecd_d50_px", sa.Double(), nullable=True),
        sa.Column("ecd_d50_nm", sa.Double(), nullable=True),
        sa.Column("ecd_d90_px", sa.Double(), nullable=True),
        sa.Column("ecd_d90_nm", sa.Double(), nullable=True),
        sa.Column("labels_sha256", sa.Text(), nullable=False),
        sa.Column("outlines_sha256", sa.Text(), nullable=False),
        sa.Column("overlay_sha256", sa.Text(), nullable=False),
        sa.Column("preview_sha256", sa.Text(), nullable=False),
        sa.Column("thumbnail_sha256", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["image_sha256"], ["image.sha256"], name=op.f("fk_analysis_image_sha256")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_analysis")),
        sa.UniqueConstraint("image_sha256", "model_name", "model_version", "parameters_sha256", name="uq_analysis_identity"),
    )
    op.create_table(
        "job",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("submission_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("image_sha256", sa.Text(), nullable=False),
        sa.Column("source_name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("lease_until", shared.database.UtcTime(timezone=True), nullable=True),
        sa.Column("not_before", shared.database.UtcTime(timezone=True), nullable=True),
        sa.Column("sent_at", shared.database.UtcTime(timezone=True), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("error_reference", sa.Text(), nullable=True),
        sa.Column("analysis_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", shared.database.UtcTime(timezone=True), nullable=False),
        sa.Column("started_at", shared.database.UtcTime(timezone=True), nullable=True),
        sa.Column("finished_at", shared.database.UtcTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["analysis_id"], ["analysis.id"], name=op.f("fk_job_analysis_id")),
        sa.ForeignKeyConstraint(["image_sha256"], ["image.sha256"], name=op.f("fk_job_image_sha256")),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_job_submission_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint(
            "submission_id", "source_name", "image_sha256", name=op.f("uq_job_submission_id_source_name_image_sha256")
        ),
    )
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_job_analysis_id"), ["analysis_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_job_state_id"), ["state", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_job_submission_id_state"), ["submission_id", "state"], unique=False)

    op.create_table(
        "particle",
        sa.Column("analysis_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("label", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("centroid_y_px", sa.Double(), nullable=False),
        sa.Column("centroid_x_px", sa.Double(), nullable=False),
        sa.Column("area_px", sa.BigInteger(), nullable=False),
        sa.Column("area_nm2", sa.Double(), nullable=True),
        sa.Column("ecd_px", sa.Double(), nullable=False),
        sa.Column("ecd_nm", sa.Double(), nullable=True),
        sa.Column("perimeter_px", sa.Double(), nullable=False),
        sa.Column("perimeter_nm", sa.Double(), nullable=True),
        sa.Column("feret_max_px", sa.Double(), nullable=False),
        sa.Column("feret_max_nm", sa.Double(), nullable=True),
        sa.Column("feret_min_px", sa.Double(), nullable=False),
        sa.Column("feret_min_nm", sa.Double(), nullable=True),
        sa.Column("aspect_ratio", sa.Double(), nullable=False),
        sa.Column("circularity", sa.Double(), nullable=False),
        sa.Column("solidity", sa.Double(), nullable=False),
        sa.Column("touches_border", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["analysis_id"], ["analysis.id"], name=op.f("fk_particle_analysis_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("analysis_id", "label", name=op.f("pk_particle")),
    )


def downgrade() -> None:
    op.drop_table("particle")
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_job_submission_id_state"))
        batch_op.drop_index(batch_op.f("ix_job_state_id"))
        batch_op.drop_index(batch_op.f("ix_job_analysis_id"))

    op.drop_table("job")
    op.drop_table("analysis")
    op.drop_table("submission")
    op.drop_table("image")
