"""
One SavedModel behind the REST API of TensorFlow Serving, as Vertex's prediction containers have it.

It is loaded as TensorFlow Serving does: the graph tagged ``serve`` in a session, its restore op and its init
op. A request runs the tensors that the signature names. ``tf.saved_model.load`` would also answer from
variables that the restore op does not fill.

The zygote runs this program in a forked child: ``serving.py MODEL_URI STATUS_FD``. It writes one JSON line to
the status descriptor, ``{"port": N, "signatures": {...}}`` or ``{"failed": "why"}``. It answers
``GET /v1/models/model`` and ``POST /v1/models/model:predict`` in the row format.

A model without any signature, or without the files of its variables, fails to load; TensorFlow Serving loads
it, and answers each request with an error.

Source: https://www.tensorflow.org/tfx/serving/api_rest, ``LoadSavedModel`` in
tensorflow/cc/saved_model/loader.cc, ``RunPredict`` in tensorflow_serving/servables/tensorflow/predict_util.cc
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import tensorflow as tf

MODEL_PATH = "/v1/models/model"
DEFAULT_SIGNATURE = "serving_default"
# what Session.run puts before the text of an error; TensorFlow Serving gives the text alone
_PYTHONS_PREFIX = "Graph execution error:\n\n"


class BadRequestError(Exception):
    """A request that the model cannot answer; the text goes to the caller."""


class Model:
    """
    A loaded SavedModel and its signatures.

    :param uri: folder that holds ``saved_model.pb``, local or ``gs://``.
    """

    def __init__(self, uri: str) -> None:
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        loaded = tf.compat.v1.saved_model.load(self._session, [tf.saved_model.SERVING], uri)
        # the signature of the init op has no method
        self._signatures = {
            name: signature for name, signature in loaded.signature_def.items() if signature.method_name
        }
        if not self._signatures:
            raise ValueError(f"{uri} has no signatures to serve")

    def inputs(self) -> dict[str, dict[str, Any]]:
        """Return the type and the shape of each input by signature; None in a shape stands for any size."""
        return {
            name: {
                key: {"dtype": spec.dtype.name, "shape": spec.shape.as_list() if spec.shape.rank else []}
                for key, spec in specs_of(signature).items()
            }
            for name, signature in self._signatures.items()
        }

    def predict(self, request: Any) -> dict[str, Any]:
        """
        Handle a predict request.

        :param request: JSON body: ``instances`` and optionally ``signature_name``.
        :raises BadRequestError: the body does not fit the signature.
        """
        if not isinstance(request, dict) or "instances" not in request:
            raise BadRequestError("Missing 'instances' key: only the row format is served here")
        name = request.get("signature_name", DEFAULT_SIGNATURE)
        if not isinstance(name, str):
            raise BadRequestError(
                f"JSON Value: {json.dumps(request)} not formatted correctly. "
                "'signature_name' key must be a string value."
            )
        name = name or DEFAULT_SIGNATURE
        if name not in self._signatures:
            raise BadRequestError(f'Serving signature name: "{name}" not found in signature def')
        signature = self._signatures[name]
        specs = specs_of(signature)
        columns = columns_of(request["instances"], sorted(specs))
        inputs = {specs[key].name: to_tensor(key, values, specs[key]) for key, values in columns.items()}
        outputs = {name: tensor.name for name, tensor in signature.outputs.items()}
        try:
            answers = self._session.run(outputs, inputs)
        except tf.errors.OpError as error:
            raise BadRequestError(error.message.removeprefix(_PYTHONS_PREFIX)) from error
        except (TypeError, ValueError) as error:
            raise BadRequestError(str(error)) from error
        return {"predictions": rows_of(answers, len(request["instances"]))}


def specs_of(signature: Any) -> dict[str, tf.TensorSpec]:
    """
    Return the tensor of each input of a signature: its name in the graph, its type and its shape.

    :param signature: a SignatureDef.
    """
    return {
        key: tf.TensorSpec(tf.TensorShape(tensor.tensor_shape), tf.DType(tensor.dtype), tensor.name)
        for key, tensor in signature.inputs.items()
    }


def columns_of(instances: Any, names: list[str]) -> dict[str, list[Any]]:
    """
    Convert the rows of a request to one list of values per input.

    :param instances: objects with one key per input, or bare values when there is one input.
    :param names: inputs of the signature.
    :raises BadRequestError: a row has other keys than the signature's inputs.
    """
    if not isinstance(instances, list) or not instances:
        raise BadRequestError("Expecting 'instances' value to be a non-empty list")
    if not _is_object(instances[0]):
        if len(names) != 1:
            raise BadRequestError(f"instances is a plain list, but expecting list of objects as {names}")
        for position, instance in enumerate(instances):
            if _is_object(instance):
                raise BadRequestError(f"Expecting value/list but got object at item {position} of input list")
        return {names[0]: instances}
    for position, instance in enumerate(instances):
        if not _is_object(instance):
            raise BadRequestError(f"Expecting object but got list at item {position} of input list")
        if sorted(instance) != names:
            raise BadRequestError(
                f"Failed to process element: {position} of 'instances' list. JSON object: "
                f"{json.dumps(instance)} must only have keys: {','.join(names)}"
            )
    return {name: [instance[name] for instance in instances] for name in names}


def to_tensor(name: str, values: list[Any], spec: tf.TensorSpec) -> np.ndarray:
    """
    Create the array of one input.

    :param name: the input.
    :param values: its value in every row.
    :param spec: its type and shape in the signature.
    :raises BadRequestError: a value has another type or shape.
    """
    decoded = [_decode(name, position, value, spec.dtype) for position, value in enumerate(values)]
    try:
        tensor = tf.constant(decoded, dtype=spec.dtype).numpy()
    except (TypeError, ValueError) as error:
        raise BadRequestError(f"Failed to process key: {name} of 'instances' list. Error: {error}") from error
    if not spec.shape.is_compatible_with(tensor.shape):
        raise BadRequestError(f"Input {name}: expecting shape {spec.shape} but got {tensor.shape}")
    return tensor


def _decode(name: str, position: int, value: Any, dtype: tf.DType) -> Any:
    """Unwrap base64 values and check the type of every scalar, as TensorFlow Serving does before it calls."""
    if isinstance(value, list):
        return [_decode(name, position, part, dtype) for part in value]
    if _is_base64(value):
        try:
            return base64.b64decode(value["b64"], validate=True)
        except (binascii.Error, TypeError) as error:
            raise BadRequestError(
                f"Failed to process element: {position} key: {name} of 'instances' list. "
                f"Error: INVALID_ARGUMENT: Unable to base64 decode: {error}"
            ) from error
    if not _fits(value, dtype):
        raise BadRequestError(
            f"Failed to process element: {position} key: {name} of 'instances' list. Error: "
            f"INVALID_ARGUMENT: JSON Value: {json.dumps(value)} is not of expected type: {dtype.name}"
        )
    return value


def _fits(value: Any, dtype: tf.DType) -> bool:
    if dtype == tf.string:
        return isinstance(value, str)
    if dtype == tf.bool:
        return isinstance(value, bool)
    kinds = (int,) if dtype.is_integer else (int, float)
    return isinstance(value, kinds) and not isinstance(value, bool)


def _is_base64(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"b64"}


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and not _is_base64(value)


def rows_of(outputs: dict[str, np.ndarray], count: int) -> list[Any]:
    """
    Convert the outputs of a signature to one value per row: bare for one output, else an object.

    :param outputs: array of every output.
    :param count: rows of the request.
    :raises BadRequestError: an output has another number of rows.
    """
    columns = {}
    for name, tensor in outputs.items():
        if not tensor.shape or tensor.shape[0] != count:
            raise BadRequestError(
                f"Tensor name: {name} has inconsistent batch size: {tensor.shape} expecting: {count}"
            )
        columns[name] = _encode(tensor, as_base64=name.endswith("_bytes"))
    if len(columns) == 1:
        return next(iter(columns.values()))
    return [{name: column[row] for name, column in columns.items()} for row in range(count)]


def _encode(array: np.ndarray, *, as_base64: bool) -> Any:
    if array.ndim:
        return [_encode(part, as_base64=as_base64) for part in array]
    value = array.item() if isinstance(array, np.ndarray | np.generic) else array
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()} if as_base64 else value.decode()
    # a float32 in the digits that it has, not in those of the float64 nearest to it
    return float(str(array)) if isinstance(value, float) else value


class Handler(BaseHTTPRequestHandler):
    """The two routes; connections stay open between requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    model: Model

    def do_GET(self) -> None:
        """Return the health of the model."""
        if self.path != MODEL_PATH:
            self._send(404, {"error": f"Not found: {self.path}"})
            return
        status = {"error_code": "OK", "error_message": ""}
        self._send(200, {"model_version_status": [{"version": "1", "state": "AVAILABLE", "status": status}]})

    def do_POST(self) -> None:
        """Predict."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != f"{MODEL_PATH}:predict":
            self._send(404, {"error": f"Not found: {self.path}"})
            return
        try:
            request = json.loads(body)
        except ValueError as error:
            self._send(400, {"error": f"JSON Parse error: {error}"})
            return
        try:
            self._send(200, self.model.predict(request))
        except BadRequestError as error:
            self._send(400, {"error": str(error)})

    def _send(self, code: int, answer: dict[str, Any]) -> None:
        # NaN and Infinity as the bare words that TensorFlow Serving writes: WriteDecimal of
        # https://github.com/tensorflow/serving/blob/master/tensorflow_serving/util/json_tensor.cc
        body = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """Answers every connection on a thread of its own."""

    daemon_threads = True
    request_queue_size = 128


def main(uri: str, status: int) -> None:
    """Load the model, report, serve until killed."""
    with os.fdopen(status, "w", closefd=False) as reports:
        try:
            Handler.model = Model(uri)
            server = Server(("127.0.0.1", 0), Handler)
        except Exception as error:
            print(json.dumps({"failed": f"{type(error).__name__}: {error}"}), file=reports)
            raise
        ready = {"port": server.server_address[1], "signatures": Handler.model.inputs()}
        print(json.dumps(ready), file=reports)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
