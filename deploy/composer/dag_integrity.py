"""
Load the DAGs as Composer's DAG processor does, in an environment with only Airflow.

``python -I dag_integrity.py REPORT`` writes ``{"problems": [line], "files": {file: seconds}, "dags": [id]}``.
It imports nothing of this project: all modules of the DAGs must come from the DAGs and plugins folders.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from typing import Any

_ERROR = re.compile(r"[A-Za-z_][\w.]*: ")
FOREIGN = ("tfx", "tensorflow", "localcloud", "dev", "deploy", "wine_pipeline")


def main(report: Path) -> None:
    """Write the report."""
    from airflow.configuration import conf
    from airflow.dag_processing.dagbag import BundleDagBag

    folder = Path(conf.get("core", "dags_folder"))
    problems = [
        f"{name} can be imported here, but not on Composer" for name in FOREIGN if is_importable(name)
    ]
    bag = BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="dags")
    problems += [f"{file}: {error_line(error)}" for file, error in sorted(bag.import_errors.items())]
    for dag_id in sorted(bag.dags):
        problems += [f"{dag_id}: {problem}" for problem in dag_problems(bag.dags[dag_id])]
    if not bag.dags and not problems:
        problems.append("no DAG was found")
    content = {
        "problems": problems,
        "files": {Path(stat.file).name: stat.duration.total_seconds() for stat in bag.dagbag_stats},
        "dags": sorted(bag.dags),
    }
    report.write_text(json.dumps(content))


def is_importable(name: str) -> bool:
    """Return whether a module of this name exists."""
    return importlib.util.find_spec(name) is not None


def error_line(error: str) -> str:
    """Return the line of a traceback with the error; more lines may follow it, such as a hint."""
    lines = error.strip().splitlines()
    named = [line for line in lines if _ERROR.match(line)]
    return (named or lines)[-1]


def dag_problems(dag: Any) -> list[str]:
    """Return problems that show only later: missing template fields, DAGs that cannot be serialized."""
    from airflow.serialization.serialized_objects import DagSerialization

    problems = [
        f"{task.task_id}: template field {field!r} is not an attribute of {type(task).__name__}"
        for task in dag.tasks
        for field in task.template_fields
        if not hasattr(task, field)
    ]
    try:
        DagSerialization.to_dict(dag)
    except Exception as error:  # an operator's argument may raise anything
        problems.append(f"cannot be serialized: {' '.join(str(error).split())}")
    return problems


if __name__ == "__main__":
    main(Path(sys.argv[1]))
