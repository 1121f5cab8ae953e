"""A localcloud without TensorFlow, for many sequences."""

from __future__ import annotations

from localcloud.testing import Cloud


class QuickCloud(Cloud):
    """A localcloud without simulated waits."""

    MODULE = "tests.sequences.cloud.quick_localcloud"
