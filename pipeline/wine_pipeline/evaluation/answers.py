"""Asks an exported model, without a server, for the known instances of the data contract."""

from __future__ import annotations

import numpy as np
from vertex_mlops.contract.data_contract import DataContract
from vertex_mlops.contract.names import RAW_SIGNATURE

from wine_pipeline.vertex.served_model import ServedModel


class MissingOutputError(LookupError):
    """The model lacks an output that the data contract names."""


def known_answers(model: str, contract: DataContract) -> list[dict[str, float]]:
    """
    Return the answer to each known instance, by output of the contract.

    :param model: folder of the SavedModel, local or gs://.
    :param contract: data contract of the pipeline that made it.
    :raises MissingOutputError: the model lacks an output of the contract.
    """
    served = ServedModel(model)
    answers = []
    for instance in contract.instances[RAW_SIGNATURE]:
        inputs = {name: np.array([values], np.float32) for name, values in instance.items()}
        outputs = served.ask(RAW_SIGNATURE, inputs)
        if missing := sorted(contract.outputs.keys() - outputs):
            raise MissingOutputError(
                f"the model in {model} does not answer {', '.join(missing)}, which the data contract names:"
                " compile the pipeline with the code of its image"
            )
        # what the contract does not name, the rollout does not read
        answers.append({name: outputs[name].item() for name in contract.outputs})
    return answers
