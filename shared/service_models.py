"""The tables of the service itself: who works, who leads, and how many turns each group gets."""

from datetime import datetime

from sqlalchemy import Integer
from sqlalchemy.orm import Mapped, mapped_column

from shared.declarative import Base


class GroupWeightRow(Base):
    """How many turns a group gets in the queue beside the others; 1 where it has no row."""

    __tablename__ = "group_weight"

    name: Mapped[str] = mapped_column(primary_key=True)
    weight: Mapped[float]


class WorkerRow(Base):
    """A worker that runs, or did until ``seen_at``; ``claimed_at`` is when it last took work."""

    __tablename__ = "worker"

    name: Mapped[str] = mapped_column(primary_key=True)
    host: Mapped[str]
    software_version: Mapped[str]
    pipeline_version: Mapped[int] = mapped_column(Integer)
    device: Mapped[str]
    queues: Mapped[list[str]]
    n_processes: Mapped[int] = mapped_column(Integer)
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    claimed_at: Mapped[datetime | None]


class LeaderRow(Base):
    """Who of several like processes does what only one may do, until its lease runs out."""

    __tablename__ = "leader"

    office: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    lease_until: Mapped[datetime]
