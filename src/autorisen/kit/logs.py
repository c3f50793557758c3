"""Structured logs, one line an event, with the request id of what caused it."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, TextIO, cast

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

# Never logged, whatever the caller passes: the values of these keys are replaced.
_SECRET_WORDS = ("password", "secret", "token", "authorization", "cookie", "api_key", "card")


class _StandardError:
    """Standard error as it is at each line: a logger outlives whoever has redirected the stream meanwhile."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def _mask_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for key in event:
        if any(word in key.lower() for word in _SECRET_WORDS):
            event[key] = "***"
    return event


def configure_logs(*, level: str, log_format: str, process: str) -> None:
    """Set up logging for this process. `process` names it (web, worker) on every line; lines go to standard error."""
    text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _mask_secrets,
    ]
    # Plain tracebacks: the rich ones print local variables, passwords among them, and take seconds over deep ones.
    console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderer: Processor = console if text else structlog.processors.JSONRenderer()
    if not text:
        shared.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _StandardError())),
    )
    structlog.contextvars.bind_contextvars(process=process)
    # Libraries log through the standard module: only what is a warning, in the same stream.
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
