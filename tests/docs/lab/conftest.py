"""
The solutions of the exercises in docs/lab.md.

Those about TFX run in the pipeline's environment, the one about the DAG's config in Airflow's.
"""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("tfx") is None:
    collect_ignore = ["test_pages.py", "test_split.py", "test_transform.py"]
else:
    collect_ignore = ["test_monitoring.py"]
