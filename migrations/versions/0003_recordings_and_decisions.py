"""What files state of their images, and who decided which pixel size holds.

Revision 0003.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import shared.database

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = shared.database.UtcTime(timezone=True)
BEFORE = ["image_sha256", "model_name", "model_version", "parameters_sha256"]
IDENTITY = ["image_sha256", "image_index", "side_cars_sha256", "model_name", "model_version", "parameters_sha256"]


def upgrade() -> None:
    _create_recording()
    _create_decision()
    with op.batch_alter_table("analysis") as analysis:
        analysis.add_column(sa.Column("image_index", sa.Integer(), nullable=False, server_default=sa.text("0")))
        analysis.add_column(sa.Column("side_cars_sha256", sa.Text(), nullable=False, server_default=sa.text("''")))
        analysis.add_column(sa.Column("recording_id", BIG_KEY, nullable=True))
        analysis.add_column(sa.Column("decision_id", BIG_KEY, nullable=True))
        analysis.drop_constraint("uq_analysis_identity", type_="unique")
        analysis.create_unique_constraint("uq_analysis_identity", IDENTITY)
        analysis.create_foreign_key(op.f("fk_analysis_recording_id"), "recording", ["recording_id"], ["id"])
        analysis.create_foreign_key(op.f("fk_analysis_decision_id"), "calibration_decision", ["decision_id"], ["id"])
        analysis.create_index(op.f("ix_analysis_recording_id"), ["recording_id"])
        analysis.create_index(op.f("ix_analysis_calibration_status_id"), ["calibration_status", "id"])
    _create_change()


def downgrade() -> None:
    _refuse_what_the_old_tables_cannot_hold()
    op.drop_table("calibration_change")
    with op.batch_alter_table("analysis") as analysis:
        analysis.drop_index(op.f("ix_analysis_calibration_status_id"))
        analysis.drop_index(op.f("ix_analysis_recording_id"))
        analysis.drop_constraint(op.f("fk_analysis_decision_id"), type_="foreignkey")
        analysis.drop_constraint(op.f("fk_analysis_recording_id"), type_="foreignkey")
        analysis.drop_constraint("uq_analysis_identity", type_="unique")
        analysis.create_unique_constraint("uq_analysis_identity", BEFORE)
        for name in ("decision_id", "recording_id", "side_cars_sha256", "image_index"):
            analysis.drop_column(name)
    op.drop_table("calibration_decision")
    op.drop_table("recording")


def _create_recording() -> None:
    lengths = ("voltage_kv", "magnification", "working_distance_mm", "stage_x_mm", "stage_y_mm", "stage_z_mm")
    angles = ("stage_tilt_deg", "stage_rotation_deg")
    bar = ("value_nm", "length_px", "nm_per_px", "x0", "x1", "y", "confidence")
    texts = ("vendor", "model", "instrument", "detector", "acquired_at", "operator")
    readings = ("metadata_text", "metadata_tag", "scale_bar_text", "scale_bar_crop_sha256")
    numbers = (*lengths, *angles, "metadata_nm_per_px", *(f"scale_bar_{name}" for name in bar))
    op.create_table(
        "recording",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("image_sha256", sa.Text(), nullable=False),
        sa.Column("image_index", sa.Integer(), nullable=False),
        sa.Column("side_cars_sha256", sa.Text(), nullable=False),
        sa.Column("pipeline_version", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=True) for name in (*texts, *readings)),
        *(sa.Column(name, sa.Double(), nullable=True) for name in numbers),
        sa.Column("fields", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("annotations", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["image_sha256"], ["image.sha256"], name=op.f("fk_recording_image_sha256")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recording")),
        sa.UniqueConstraint(
            "image_sha256", "image_index", "side_cars_sha256", "pipeline_version", name="uq_recording_identity"
        ),
    )
    op.create_index(op.f("ix_recording_instrument_magnification"), "recording", ["instrument", "magnification"])


def _create_decision() -> None:
    op.create_table(
        "calibration_decision",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("image_sha256", sa.Text(), nullable=True),
        sa.Column("image_index", sa.Integer(), nullable=True),
        sa.Column("submission_id", BIG_KEY, nullable=True),
        sa.Column("instrument", sa.Text(), nullable=True),
        sa.Column("magnification", sa.Double(), nullable=True),
        sa.Column("width_px", sa.Integer(), nullable=True),
        sa.Column("choice", sa.Text(), nullable=False),
        sa.Column("nm_per_px", sa.Double(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("n_analyses", sa.BigInteger(), nullable=False),
        sa.Column("n_changed", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        *(sa.Column(name, TIME, nullable=True) for name in ("lease_until", "not_before", "sent_at")),
        sa.Column("created_at", TIME, nullable=False),
        *(sa.Column(name, TIME, nullable=True) for name in ("started_at", "finished_at")),
        *(sa.Column(f"error_{name}", sa.Text(), nullable=True) for name in ("code", "message", "reference")),
        sa.ForeignKeyConstraint(["image_sha256"], ["image.sha256"], name=op.f("fk_calibration_decision_image_sha256")),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_calibration_decision_submission_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calibration_decision")),
    )
    for columns in (
        ["state", "id"],
        ["image_sha256", "image_index"],
        ["submission_id"],
        ["instrument", "magnification", "width_px"],
    ):
        op.create_index(op.f(f"ix_calibration_decision_{'_'.join(columns)}"), "calibration_decision", columns)


def _create_change() -> None:
    op.create_table(
        "calibration_change",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("decision_id", BIG_KEY, nullable=True),
        sa.Column("analysis_id", BIG_KEY, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.Column("nm_per_px_before", sa.Double(), nullable=True),
        sa.Column("source_before", sa.Text(), nullable=True),
        sa.Column("status_before", sa.Text(), nullable=False),
        sa.Column("nm_per_px_after", sa.Double(), nullable=True),
        sa.Column("source_after", sa.Text(), nullable=True),
        sa.Column("status_after", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["calibration_decision.id"], name=op.f("fk_calibration_change_decision_id")),
        sa.ForeignKeyConstraint(["analysis_id"], ["analysis.id"], name=op.f("fk_calibration_change_analysis_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calibration_change")),
        sa.UniqueConstraint("decision_id", "analysis_id", name=op.f("uq_calibration_change_decision_id_analysis_id")),
    )
    op.create_index(op.f("ix_calibration_change_analysis_id_id"), "calibration_change", ["analysis_id", "id"])


def _refuse_what_the_old_tables_cannot_hold() -> None:
    """Two images of one file, or one image with two side-cars, would become one analysis too many of the same request."""
    found = sa.text("SELECT count(*) FROM analysis WHERE image_index <> 0 OR side_cars_sha256 <> ''")
    n_analyses = op.get_bind().scalar(found)
    if n_analyses:
        raise RuntimeError(
            f"{n_analyses} analyses of further images of a file or with side-cars have no place in revision 0002"
        )
