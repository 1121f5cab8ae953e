"""A stack with data and a compiled pipeline, for the suites that run the whole job."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from dev.demo.publish import Compilation
from dev.demo.train import WINE, Demo
from dev.demo.wine_data import load_wine
from dev.stack.settings import StackSettings


@contextmanager
def running_demo(settings: StackSettings) -> Iterator[Demo]:
    """
    Start the stack, load the white wines, publish the pipeline; stop every process at the end.

    :param settings: of the stack, whose environment this process has meanwhile.
    """
    outside = dict(os.environ)
    settings.activate()
    demo = Demo(settings)
    try:
        with Compilation(settings, demo.progress, WINE) as compilation:
            demo.stack.start()
            load_wine(settings, WINE)
            compilation.publish()
        yield demo
    finally:
        demo.stack.stop()
        os.environ.clear()
        os.environ.update(outside)
