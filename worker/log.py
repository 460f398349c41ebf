"""Structured logs: one line of JSON each (or a readable line), without personal data.

What a line may hold: ids, counts, reasons, places. Never a comment, a name, an address or a secret.
"""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog

get = structlog.stdlib.get_logger


def configure(level: str, style: Literal["json", "console"]) -> None:
    """Set up logging for the process; everything goes to stderr, stdout belongs to the commands."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if style == "json" else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # These two narrate every request; their warnings are still wanted.
    for noisy in ("uvicorn.access", "slack_sdk", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
