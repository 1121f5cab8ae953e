"""What can go wrong in MonitorerComponent."""


class MonitoringError(RuntimeError):
    """The endpoint cannot be watched as asked for; the message names what is in the way."""
