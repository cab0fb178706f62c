"""One JSON object a line, with the request's id; fields come by `extra=`."""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

context: ContextVar[dict[str, Any]] = ContextVar("log_context", default={})  # noqa: B039 replaced, never changed in place

_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "context", "taskName"}
# Django attaches the request, which writes itself with what was searched for.
_LEFT_OUT = _STANDARD | {"request"}


class ContextFilter(logging.Filter):
    """Attach the current request's fields to every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.context = context.get()
        return True


class JsonFormatter(logging.Formatter):
    """Write a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= getattr(record, "context", {})
        line |= {k: v for k, v in vars(record).items() if k not in _LEFT_OUT}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)
