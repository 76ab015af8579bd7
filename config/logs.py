"""One JSON object a line, with secrets blanked."""

from __future__ import annotations

from pythonjsonlogger.core import LogData
from pythonjsonlogger.json import JsonFormatter

from autofix.redaction import redact_data


class RedactingJsonFormatter(JsonFormatter):
    """Message, traceback and extra fields pass through redaction before they become JSON."""

    def process_log_record(self, log_data: LogData) -> LogData:
        cleaned: LogData = redact_data(super().process_log_record(log_data))
        return cleaned
