"""Errors of MonitorerComponent."""


class MonitoringError(RuntimeError):
    """The endpoint cannot be monitored as requested; the message says why."""
