"""Command line: compile, run, local, metrics, acceptance."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from google.auth.exceptions import GoogleAuthError

from wine_pipeline.config import ConfigError, Target, WineConfig, check_label
from wine_pipeline.scale import Scale, read_scale

_NEEDED = ("project", "region", "bucket")
_IMAGES = ("image", "serving_image")

# Each command imports what it needs after its arguments were checked: TFX takes eight seconds.


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run one command.

    :param arguments: without the program's name; those of the process by default.
    :return: 0; 1 if the command failed; 2 if it could not begin.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except ConfigError as error:
        return _report(error, 2)
    except (LookupError, RuntimeError, OSError, GoogleAuthError) as error:
        return _report(error, 1)
    return 0


def _report(error: Exception, code: int) -> int:
    print(f"wine_pipeline: {' '.join(str(error).split())}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m wine_pipeline", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("compile", help="write the PipelineJob and its data contract to a file")
    _add_target(command)
    _add_scale(command)
    command.add_argument("--output", type=Path, required=True, help="file to write")
    command.set_defaults(command=_compile)

    command = commands.add_parser("run", help="compile, submit to Vertex AI and follow, without Airflow")
    command.add_argument("--google_cloud_project", required=True)
    command.add_argument("--google_cloud_region", required=True)
    command.add_argument("--google_cloud_dataset", required=True, help="BigQuery data set of the table")
    command.add_argument("--wine_table", required=True, help="white_wine or red_wine")
    command.add_argument("--gcs_bucket", required=True, help="without gs://")
    command.add_argument("--username", required=True, help="becomes a label of the job")
    _add_scale(command)
    command.add_argument(
        "--with_monitorer", action="store_true", help="also create or update the endpoint's monitoring job"
    )
    command.set_defaults(command=_run)

    command = commands.add_parser("local", help="run the same graph in this process with LocalDagRunner")
    _add_target(command)
    command.add_argument("--table", required=True, help="project.dataset.table")
    command.add_argument("--data_version", type=int, help="lastModifiedTime in ms; default: the current one")
    command.add_argument("--memory", type=Path, required=True, help="SQLite file that knows earlier runs")
    command.set_defaults(command=_local)

    command = commands.add_parser("metrics", help="print the figures of evaluations as JSON")
    command.add_argument("evaluation", nargs="+", help="URI of a tfx.ModelEvaluation artifact")
    command.set_defaults(command=_metrics)

    command = commands.add_parser("acceptance", help="write the pipeline and the model of make acceptance")
    for name in ("project", "region", "bucket", "image"):
        command.add_argument(f"--{name}", required=True)
    command.add_argument("--root", required=True, help="gs:// folder of the pipeline's artifacts")
    command.add_argument("--output", type=Path, required=True, help="folder to write to")
    command.set_defaults(command=_acceptance)
    return parser


def _add_target(command: argparse.ArgumentParser) -> None:
    command.add_argument("--wine", required=True, help="white or red")
    for name in (*_NEEDED, *_IMAGES):
        command.add_argument(f"--{name}", help=f"default: environment variable WINE_{name.upper()}")


def _add_scale(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--scale",
        type=Path,
        help="TOML file that sends the Beam steps to Dataflow, the training to a custom job, or both; "
        "default: environment variable WINE_SCALE, else every step runs in its own task",
    )


def _scale(options: argparse.Namespace) -> Scale:
    path = options.scale or os.environ.get("WINE_SCALE", "")
    return read_scale(Path(path)) if path else Scale()


def _target(options: argparse.Namespace) -> Target:
    values = {}
    for name in (*_NEEDED, *_IMAGES):
        variable = f"WINE_{name.upper()}"
        values[name] = getattr(options, name) or os.environ.get(variable, "")
        if not values[name] and name in _NEEDED:
            raise ConfigError(f"no {name}: give --{name} or set {variable}")
    return Target(**values)


def _compile(options: argparse.Namespace) -> None:
    config, target, scale = WineConfig(options.wine), _target(options), _scale(options)
    from wine_pipeline.compile import write_compiled

    write_compiled(config, target, scale, options.output)


def _run(options: argparse.Namespace) -> None:
    config = WineConfig.from_table(options.wine_table)
    target = Target(options.google_cloud_project, options.google_cloud_region, options.gcs_bucket)
    scale = _scale(options)
    username = check_label("username", options.username)
    table = f"{target.project}.{options.google_cloud_dataset}.{options.wine_table}"
    from wine_pipeline.table import read_data_version, table_label

    labels = {"table": table_label(table), "username": username}
    data_version = read_data_version(target.project, table)
    from wine_pipeline.submit import run_on_vertex

    job = run_on_vertex(
        config, target, scale, table, data_version, labels, with_monitorer=options.with_monitorer
    )
    print(job)


def _local(options: argparse.Namespace) -> None:
    config, target = WineConfig(options.wine), _target(options)
    from wine_pipeline.local import run_locally
    from wine_pipeline.table import moment_after, pinned_query, read_data_version, unchanged_since

    if options.data_version:
        snapshot = moment_after(options.data_version)
    else:
        snapshot = unchanged_since(read_data_version(target.project, options.table))
    print(run_locally(config, target, pinned_query(config, options.table, snapshot), options.memory))


def _metrics(options: argparse.Namespace) -> None:
    # TensorFlow prints; standard output is for the JSON alone.
    with contextlib.redirect_stdout(sys.stderr):
        from wine_pipeline.metrics import read_metrics

        figures = {uri: asdict(read_metrics(uri)) for uri in options.evaluation}
    print(json.dumps(figures, indent=2))


def _acceptance(options: argparse.Namespace) -> None:
    target = Target(options.project, options.region, options.bucket, options.image)
    from wine_pipeline.acceptance import write_all

    write_all(target, options.root, options.output)


if __name__ == "__main__":
    sys.exit(main())
