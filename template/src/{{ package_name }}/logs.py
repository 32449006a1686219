"""Structured logs on standard output: JSON for machines, colours for people."""

import logging
import logging.config
import re
import uuid
from typing import Literal

import structlog

# Loggers that servers set up for themselves; they give way to the root logger.
SERVER_LOGGERS = ("uvicorn", "uvicorn.error", "uvicorn.access", "gunicorn.error", "werkzeug")


def configure_logging(level: str, log_format: Literal["json", "console"]) -> None:
    """Send what structlog and the standard library log through one pipeline."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderers: dict[str, list[structlog.types.Processor]] = {
        "json": [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()],
        "console": [structlog.dev.ConsoleRenderer()],
    }
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *renderers[log_format],
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in SERVER_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


def request_id(header: str | None) -> str:
    """Take over the caller's request id where it is harmless, or make one."""
    if header and re.fullmatch(r"[\w-]{1,64}", header, re.ASCII):
        return header
    return uuid.uuid4().hex
