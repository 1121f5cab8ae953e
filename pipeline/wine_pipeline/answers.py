"""Asks an exported model, without a server, for the known instances of the data contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from wine_pipeline.config import RAW_SIGNATURE
from wine_pipeline.served_model import ServedModel


def known_answers(model: str, contract: Mapping[str, Any]) -> list[dict[str, float]]:
    """
    Return the answer to each known instance, by output.

    :param model: folder of the SavedModel, local or gs://.
    :param contract: data contract of the pipeline that made it.
    """
    served = ServedModel(model)
    answers = []
    for instance in [contract["sample_instance"], *contract["known_instances"]]:
        inputs = {name: np.array([values], np.float32) for name, values in instance.items()}
        outputs = served.ask(RAW_SIGNATURE, inputs)
        answers.append({name: value.item() for name, value in outputs.items()})
    return answers
