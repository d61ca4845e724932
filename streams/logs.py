"""Logs that a person reads in a terminal, or one JSON object a line for machines."""

import json
import logging
import sys
import time

from streams.settings import Settings

_QUIET = {
    "faust": logging.ERROR,
    "mode": logging.ERROR,
    "aiokafka": logging.CRITICAL,  # ten lines a second while a broker is away; the runner says it once
    "streams.kafka.faust_consumer": logging.ERROR,
    "aiohttp.access": logging.WARNING,
    "faiss": logging.WARNING,
}
"""Libraries whose every rebalance would otherwise be a page of text."""


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and what was passed as ``extra={"fields": {...}}``."""

    def __init__(self, stage: str) -> None:
        super().__init__()
        self.stage = stage

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "stage": self.stage,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class PlainFormatter(logging.Formatter):
    """``12:03:44 text      warning  message  key=value``."""

    def __init__(self, stage: str) -> None:
        super().__init__(f"%(asctime)s {stage:9} %(levelname)-7s %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{k}={v}" for k, v in getattr(record, "fields", {}).items())
        return super().format(record) + (f"  {fields}" if fields else "")


def set_up(settings: Settings, stage: str) -> None:
    """Send this process's logs to standard error in the form the settings ask for."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(stage) if settings.log_json else PlainFormatter(stage))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    if settings.log_level != "DEBUG":
        for name, level in _QUIET.items():
            logging.getLogger(name).setLevel(level)
