"""Command line: compile, run, local, metrics, tune, acceptance."""

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
from vertex_mlops.contract.config.identifiers import bigquery_id, project_id
from vertex_mlops.contract.config.problems import shown

from wine_pipeline.config import (
    TARGET_CHECKS,
    ConfigError,
    Target,
    TrainingConfig,
    WineConfig,
    check_label,
    checked,
)
from wine_pipeline.scale import Scale, read_scale

_NEEDED = ("project", "region", "bucket")
_IMAGES = ("image", "serving_image")
# the keys of wine_pipeline.commands.tuning.SPACES
_PARTS = ("kernel", "trees")

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
    command.add_argument("--wine", action="append", required=True, help="white or red; may be repeated")
    command.add_argument(
        "--output", action="append", type=Path, required=True, help="file to write; one for each --wine"
    )
    _add_target(command)
    _add_scale(command)
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
    command.add_argument("--wine", required=True, help="white or red")
    _add_target(command)
    command.add_argument("--table", required=True, help="project.dataset.table")
    command.add_argument("--data_version", type=int, help="lastModifiedTime in ms; default: the current one")
    command.add_argument("--memory", type=Path, required=True, help="SQLite file that knows earlier runs")
    command.set_defaults(command=_local)

    command = commands.add_parser("metrics", help="print the figures of evaluations as JSON")
    command.add_argument("evaluation", nargs="+", help="URI of a tfx.ModelEvaluation artifact")
    command.set_defaults(command=_metrics)

    command = commands.add_parser("tune", help="compare settings of the model by cross-validation")
    command.add_argument(
        "--examples", required=True, help="folder of a Transform's transformed_examples, local or gs://"
    )
    command.add_argument("--part", choices=_PARTS, default=_PARTS[0], help="whose settings; default: kernel")
    command.add_argument("--trials", type=_at_least_one, default=10, help="combinations at most; default: 10")
    command.add_argument("--output", type=Path, required=True, help="JSON file to write")
    command.set_defaults(command=_tune)

    command = commands.add_parser("acceptance", help="write the pipeline and the model of make acceptance")
    for name in ("project", "region", "bucket", "image"):
        command.add_argument(f"--{name}", required=True)
    command.add_argument("--root", required=True, help="gs:// folder of the pipeline's artifacts")
    command.add_argument("--output", type=Path, required=True, help="folder to write to")
    command.set_defaults(command=_acceptance)
    return parser


def _add_target(command: argparse.ArgumentParser) -> None:
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
        option = getattr(options, name)
        values[name] = option or os.environ.get(variable, "")
        if values[name]:
            checked(TARGET_CHECKS[name], f"--{name}" if option else variable, values[name])
        elif name in _NEEDED:
            raise ConfigError(f"no {name}: give --{name} or set {variable}")
    return Target(**values)


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 up, not {shown(text)}")
    return int(text)


def _check_table(name: str, table: str) -> None:
    parts = table.split(".")
    if len(parts) != 3:
        raise ConfigError(f"{name} must be PROJECT.DATASET.TABLE, not {shown(table)}")
    for check, part in zip((project_id, bigquery_id, bigquery_id), parts, strict=True):
        checked(check, name, part)


def _compile(options: argparse.Namespace) -> None:
    configs, target, scale = [WineConfig(wine) for wine in options.wine], _target(options), _scale(options)
    if len(configs) != len(options.output):
        raise ConfigError(
            f"{len(configs)} --wine, but {len(options.output)} --output: give one for each wine"
        )
    from wine_pipeline.commands.compile import write_compiled

    for config, output in zip(configs, options.output, strict=True):
        write_compiled(config, target, scale, output)


def _run(options: argparse.Namespace) -> None:
    config = WineConfig.from_table(options.wine_table)
    target = Target(options.google_cloud_project, options.google_cloud_region, options.gcs_bucket)
    scale = _scale(options)
    username = check_label("--username", options.username)
    checked(bigquery_id, "--google_cloud_dataset", options.google_cloud_dataset)
    checked(bigquery_id, "--wine_table", options.wine_table)
    table = f"{target.project}.{options.google_cloud_dataset}.{options.wine_table}"
    from wine_pipeline.data.table import job_labels, read_data_version

    labels = job_labels(config, table) | {"username": username}
    data_version = read_data_version(target.project, table)
    from wine_pipeline.commands.submit import run_on_vertex

    job = run_on_vertex(
        config, target, scale, table, data_version, labels, with_monitorer=options.with_monitorer
    )
    print(job)


def _local(options: argparse.Namespace) -> None:
    config, target = WineConfig(options.wine), _target(options)
    _check_table("--table", options.table)
    from wine_pipeline.commands.local import run_locally
    from wine_pipeline.data.table import moment_of, pinned_query, read_data_version

    modified = read_data_version(target.project, options.table)
    snapshot = moment_of(options.data_version or modified, modified)
    print(run_locally(config, target, pinned_query(config, options.table, snapshot), options.memory))


def _metrics(options: argparse.Namespace) -> None:
    # TensorFlow prints; standard output is for the JSON alone.
    with contextlib.redirect_stdout(sys.stderr):
        from wine_pipeline.evaluation.metrics import read_metrics

        figures = {uri: asdict(read_metrics(uri)) for uri in options.evaluation}
    print(json.dumps(figures, indent=2))


def _tune(options: argparse.Namespace) -> None:
    with contextlib.redirect_stdout(sys.stderr):
        from wine_pipeline.commands.tuning import read_training_split, report, tune

        present = TrainingConfig()
        split = read_training_split(options.examples, present.max_rows)
    found = []
    trials = tune(split, options.part, options.trials, present)
    while True:
        # training prints; standard output is for the trials alone
        with contextlib.redirect_stdout(sys.stderr):
            trial = next(trials, None)
        if trial is None:
            break
        found.append(trial)
        settings = ", ".join(f"{name} {value}" for name, value in trial.settings.items())
        error = f"{trial.difference:+.4f} ± {trial.standard_error:.4f}"
        print(f"MAD {trial.mad:.4f} ({error}): {settings}", flush=True)
    written = report(split.rows, options.part, found)
    options.output.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    print(f"best: {', '.join(f'{name} {value}' for name, value in written['best'].items())}")


def _acceptance(options: argparse.Namespace) -> None:
    target = Target(options.project, options.region, options.bucket, options.image)
    from wine_pipeline.commands.acceptance import write_all

    write_all(target, options.root, options.output)


if __name__ == "__main__":
    sys.exit(main())
