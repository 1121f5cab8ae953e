"""Runs targets of the Makefile next to each other: ``make test``, ``make check`` and ``.ci/run``."""
