"""
Asks exported models with the TensorFlow of the interpreter that runs it.

``ask_models.py WINES.json FOLDER...`` reads ``columns`` (a list of values per feature) and ``examples`` (in
base64), and prints a line of JSON: the ``version``, and for each folder what of the model this TensorFlow
does not know (``unknown``) or, if it knows everything, the ``answers`` by signature and output.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry
from vertex_mlops.contract.names import EXAMPLES_SIGNATURE, RAW_SIGNATURE
from wine_pipeline.vertex.served_model import ServedModel


def read(folder: str) -> saved_model_pb2.SavedModel:
    """Parse the file. Python's import of a graph would drop attributes that TensorFlow Serving refuses."""
    return saved_model_pb2.SavedModel.FromString((Path(folder) / "saved_model.pb").read_bytes())


def unknown(folder: str) -> Iterator[str]:
    """Name each operation and attribute that is not registered here, in the graph and in its functions."""
    for graph in read(folder).meta_graphs:
        library = graph.graph_def.library.function
        functions = {function.signature.name for function in library}
        nodes = [*graph.graph_def.node, *(node for function in library for node in function.node_def)]
        for node in nodes:
            definition = None if node.op in functions else op_def_registry.get(node.op)
            if definition is not None:
                known = {attribute.name for attribute in definition.attr}
                yield from (f"{node.op}.{name}" for name in node.attr if name[0] != "_" and name not in known)
            elif node.op not in functions:
                yield node.op


def ask(folder: str, wines: dict[str, Any]) -> dict[str, Any]:
    """Send all wines to both signatures."""
    model = ServedModel(folder)
    columns = {name: np.array(values, np.float32)[:, None] for name, values in wines["columns"].items()}
    examples = np.array([base64.b64decode(example) for example in wines["examples"]], object)
    answers = {
        RAW_SIGNATURE: model.ask(RAW_SIGNATURE, columns),
        EXAMPLES_SIGNATURE: model.ask(EXAMPLES_SIGNATURE, {"examples": examples}),
    }
    return {
        signature: {name: value.tolist() for name, value in outputs.items()}
        for signature, outputs in answers.items()
    }


def main(wines: str, folders: list[str]) -> None:
    questions = json.loads(Path(wines).read_text())
    found: dict[str, Any] = {}
    for folder in folders:
        strange = sorted(set(unknown(folder)))
        found[folder] = {"unknown": strange, "answers": {} if strange else ask(folder, questions)}
    print(json.dumps({"version": tf.__version__, "models": found}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
