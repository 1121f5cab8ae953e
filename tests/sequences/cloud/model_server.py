"""
A model server in place of localcloud's own, which needs TensorFlow: ``model_server.py MODEL_URI STATUS_FD``.

It has the interface of `serving.py` of localcloud's worker, and gives every row the same answer: by the name
of the model's folder, ``gs://bucket/models/NAME/1``.
"""

from __future__ import annotations

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWERS = {
    "sound": {"good": 0.9, "grade": 6.5},
    "wanting": {"good": 0.8, "grade": 6.1},
}
_FEATURE = {"dtype": "float32", "shape": [None, 1]}
_RAW = {"ph": _FEATURE, "alcohol": _FEATURE}
_EXAMPLES = {"examples": {"dtype": "string", "shape": [None]}}
SIGNATURES = {"serving_raw": _RAW, "serving_examples": _EXAMPLES, "serving_default": _EXAMPLES}


class Handler(BaseHTTPRequestHandler):
    """The only route that localcloud calls."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    answer: dict[str, list[float]]

    def do_POST(self) -> None:
        """Predict."""
        request = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        body = json.dumps({"predictions": [self.answer] * len(request["instances"])}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Log nothing: each prediction would be a line."""


def main(uri: str, status: int) -> None:
    """Report the port, and serve until killed."""
    name = uri.split("/models/")[1].partition("/")[0]
    Handler.answer = {output: [value] for output, value in ANSWERS[name].items()}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with os.fdopen(status, "w", closefd=False) as reports:
        print(json.dumps({"port": server.server_address[1], "signatures": SIGNATURES}), file=reports)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
