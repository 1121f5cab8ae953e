"""A localcloud without TensorFlow, for many sequences."""

from __future__ import annotations

from localcloud.testing import Cloud


class QuickCloud(Cloud):
    """A localcloud that takes no time for the sake of its clients."""

    MODULE = "tests.sequences.cloud.quick_localcloud"
