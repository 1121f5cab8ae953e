"""Prediction requests, one for each wine."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from google.api import httpbody_pb2  # type: ignore[import-untyped]
from google.cloud import aiplatform_v1

from deploy.wines.wine_rows import read_wine
from dev.stack.settings import StackSettings

LABEL = "quality"
# enough concurrent requests to keep two processors busy
THREADS = 8
REQUEST_SECONDS = 60


def draw_wines(wine: str, count: int, seed: int, alcohol: float = 0.0) -> list[dict[str, Any]]:
    """
    Sample wines like the training data, without their grades.

    :param wine: ``white`` or ``red``.
    :param count: number of wines; one may come twice.
    :param seed: of the sample.
    :param alcohol: percent by volume that they are stronger.
    """
    rows = random.Random(seed).choices(read_wine(wine), k=count)  # noqa: S311
    return [
        {name: value for name, value in row.items() if name != LABEL}
        | {"alcohol": round(row["alcohol"] + alcohol, 6)}
        for row in rows
    ]


def ask_about(settings: StackSettings, endpoint: str, wines: Sequence[dict[str, Any]]) -> None:
    """
    Send one request for each wine, with named features, and wait for all answers.

    :param settings: of the stack, whose environment must be active.
    :param endpoint: resource name.
    :param wines: the features of each.
    """
    client = aiplatform_v1.PredictionServiceClient(
        client_options={"api_endpoint": f"{settings.region}-aiplatform.googleapis.com"}
    )

    def ask(wine: dict[str, Any]) -> None:
        instance = {name: [value] for name, value in wine.items()}
        body = json.dumps({"signature_name": "serving_raw", "instances": [instance]}).encode()
        client.raw_predict(
            endpoint=endpoint,
            http_body=httpbody_pb2.HttpBody(content_type="application/json", data=body),
            timeout=REQUEST_SECONDS,
        )

    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(ask, wines):
            pass
