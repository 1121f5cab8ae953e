"""Replayed trainings: compiled pipelines of one task, which reports the results of a training."""

from __future__ import annotations

import json
from typing import Any

from tests.plugins.contract.contracts import CONTRACT
from tests.plugins.operators.rollout.rollouts import SOUND, serving
from tests.plugins.runs.pipelines import pipeline
from tests.sequences.cloud.model_server import ANSWERS
from tests.support.handmade import FIGURES

# results of a training: a model that serves as it was evaluated; one that serves differently,
# which verify detects; and one that the Evaluator has not blessed
SOUND_MODEL, WANTING_MODEL, UNBLESSED_MODEL = "sound", "wanting", "unblessed"
MODELS = (SOUND_MODEL, WANTING_MODEL, UNBLESSED_MODEL)
_TASK = "MetricsReporter"
_OUTPUTS = {
    "examples": "tfx.Examples",
    "blessing": "tfx.ModelBlessing",
    "evaluation": "tfx.ModelEvaluation",
    "model_card": "tfx.ModelCard",
    "metrics": "tfx.Metrics",
}
# as in dev/faults/replay.py, except that the verdict names the champion of the comparison
_REPORT = [
    "true, false, null = True, False, None",
    "given = (",
    "{{$}}",
    ")",
    "import json, os",
    "outputs = given['outputs']",
    "made = {key: {'artifacts': [{**value['artifacts'][0], **MADE[key]}]} "
    "for key, value in outputs['artifacts'].items()}",
    "os.makedirs(os.path.dirname(outputs['outputFile']), exist_ok=True)",
    "open(outputs['outputFile'], 'w').write(json.dumps({'artifacts': made}))",
]


def compiled(wine: str, model: str, bucket: str, champion: str) -> dict[str, Any]:
    """
    Return the compiled pipeline file of a wine.

    :param wine: its name.
    :param model: result of the training: one of MODELS.
    :param bucket: with the models.
    :param champion: resource name of the version that the model is compared with; empty if there is none.
    """
    folder = f"gs://{bucket}/models/{SOUND_MODEL if model == UNBLESSED_MODEL else model}"
    made: dict[str, dict[str, Any]] = {
        output: {"uri": f"gs://{bucket}/{output}", "metadata": {}} for output in _OUTPUTS
    }
    made["blessing"]["metadata"] = {"blessed": int(model != UNBLESSED_MODEL)}
    made["model_card"]["metadata"] = {"page": f"gs://{bucket}/card.html"}
    made["metrics"]["metadata"] = FIGURES | {
        "reason": "" if model != UNBLESSED_MODEL else "no better than the champion",
        "champion_version": champion,
        "model_uri": folder,
        "known_answers": json.dumps([SOUND]),
    }
    statements = [line.replace("MADE", repr(made)) for line in _REPORT]
    served = serving(f"wine-{wine}")
    # the job itself has the settings that it was compiled with
    constants = {"data_contract": json.dumps(CONTRACT), "serving": json.dumps(served)}
    task = {"name": _TASK, "outputs": _OUTPUTS, "statements": statements, "constants": constants}
    return pipeline(task) | {"dataContract": CONTRACT, "serving": served}


def served_files() -> list[str]:
    """Return the files in the bucket that the model server of each model needs."""
    return [f"models/{model}/1/saved_model.pb" for model in ANSWERS]
