"""Run targets of the Makefile in parallel: ``make test``, ``make check`` and ``.ci/run``."""
