"""Structured logs on standard error: one JSON object a line. No query strings, no secrets, no full phone number.

structlog is imported with the first line that is logged: it takes long, and a server that starts has nothing to say.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

_MOBILE = re.compile(r"(?<!\d)(1\d{2})\d{4}(\d{4})(?!\d)")
_CODE = re.compile(r"(?<![\d.])(\d{4})\d{11,}(\d{2})(?!\d)")
_wanted: int | None = None
"""What is logged at the least; None: structlog stays as it comes."""
_configured: int | None = None


class Log:
    """A logger that costs nothing until it is used, and whose own failures never change what its user does."""

    def __init__(self, name: str) -> None:
        self._name = name

    def debug(self, event: str, **facts: Any) -> None:
        if _wanted is None or _wanted <= logging.DEBUG:
            self._say("debug", event, facts)

    def warning(self, event: str, **facts: Any) -> None:
        self._say("warning", event, facts)

    def error(self, event: str, **facts: Any) -> None:
        self._say("error", event, facts)

    def exception(self, event: str, **facts: Any) -> None:
        self._say("exception", event, facts)

    def _say(self, level: str, event: str, facts: dict[str, Any]) -> None:
        with contextlib.suppress(OSError, ValueError):  # nobody reads any more, the disk is full, the file was closed
            getattr(self._logger(), level)(event, **facts)

    def _logger(self) -> Any:
        import structlog

        if _wanted is not None and _wanted != _configured:
            _configure(_wanted)
        return structlog.get_logger(self._name)


class _Libraries(logging.Handler):
    """What a library says that nobody else listens to, as a line like ours: else it would stand there as plain text."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            log.error("library_failed", name=record.name, said=record.getMessage(), exc_info=record.exc_info)
        else:
            log.warning("library_warned", name=record.name, said=record.getMessage(), exc_info=record.exc_info)


log = Log("hexiao.libraries")


def configure_logs(level: str = "info") -> None:
    """Say from which level on."""
    global _wanted
    _wanted = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    logging.lastResort = _Libraries(logging.WARNING)


def _configure(level: int) -> None:
    import structlog

    global _configured
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            mask_numbers,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    _configured = level


def mask_numbers(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A last net below the rule that neither mobiles nor codes are logged: what looks like one loses its middle."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _CODE.sub(r"\1…\2", _MOBILE.sub(r"\1****\2", value))
    return event
