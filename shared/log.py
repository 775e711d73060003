"""Structured logs: a constant event name and fields; ids bound once follow every line of a job or request."""

import logging
import sys
from typing import Literal

import structlog

# What these say of their everyday work is of no use to the people who run SAEMI.
QUIET_LOGGERS = ("alembic", "celery.worker.strategy", "celery.app.trace", "httpx")

Logger = structlog.stdlib.BoundLogger


def configure_logging(log_format: Literal["auto", "json", "console"], process: str) -> None:
    """Send this process's structured and standard-library logs to standard error.

    Parameters
    ----------
    log_format
        ``auto`` takes the console form on a terminal and JSON elsewhere.
    process
        Name of the process, part of every line.
    """
    to_console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    common: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer = structlog.dev.ConsoleRenderer() if to_console else structlog.processors.JSONRenderer()
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=common,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.root.handlers = [handler]
    logging.root.setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*common, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)


def get_logger(name: str) -> Logger:
    """Return the logger of a module."""
    logger: Logger = structlog.stdlib.get_logger(name)
    return logger
