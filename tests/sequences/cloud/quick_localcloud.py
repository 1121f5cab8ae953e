"""
localcloud without simulated waits and without TensorFlow.

Operations that take seconds in the cloud end in milliseconds, and a model is served by a program with fixed
answers. Run it as ``python -m tests.sequences.cloud.quick_localcloud up``.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from localcloud.__main__ import main
from localcloud.vertex.metrics import service as metrics
from localcloud.vertex.monitoring import service as monitoring
from localcloud.vertex.monitoring import state as monitoring_state
from localcloud.vertex.resources import operations
from localcloud.vertex.worker import pool

_OPERATION_SECONDS = 0.02
_SETTLING_SECONDS = 0.05
_SAMPLE_SECONDS = 0.05


def hurry() -> None:
    """Shorten every wait of this process's localcloud."""
    operations._SECONDS = _OPERATION_SECONDS
    monitoring_state._SETTLING = timedelta(seconds=_SETTLING_SECONDS)
    monitoring._POLL_SECONDS = _SETTLING_SECONDS
    metrics.SAMPLE_SECONDS = _SAMPLE_SECONDS
    pool._SERVING = Path(__file__).with_name("model_server.py")


if __name__ == "__main__":
    hurry()
    sys.exit(main())
