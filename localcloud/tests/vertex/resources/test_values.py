"""Values that gRPC can transport and that their types do not allow."""

from __future__ import annotations

import math

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1
from google.protobuf import struct_pb2

from localcloud.vertex.resources.values import check_values


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_number_is_finite(number: float) -> None:
    request = v1.PredictRequest.pb(v1.PredictRequest())
    request.instances.append(struct_pb2.Value(list_value=struct_pb2.ListValue()))
    request.instances[0].list_value.values.add(number_value=number)

    with pytest.raises(exceptions.InvalidArgument, match=r"'instances\.list_value\.values'"):
        check_values(request)


def test_a_value_of_an_enum_is_one_that_there_is() -> None:
    job = v1.PipelineJob.pb(v1.PipelineJob())
    job.runtime_config.failure_policy = 999

    with pytest.raises(exceptions.InvalidArgument, match=r"'runtime_config\.failure_policy'.*999"):
        check_values(job)


def test_a_time_is_one_of_the_calendar() -> None:
    job = v1.PipelineJob.pb(v1.PipelineJob())
    job.create_time.seconds = 253402300800

    with pytest.raises(exceptions.InvalidArgument, match="'create_time'"):
        check_values(job)


def test_values_of_a_map_are_looked_at() -> None:
    job = v1.PipelineJob.pb(v1.PipelineJob())
    job.runtime_config.parameter_values["alpha"].number_value = math.nan

    with pytest.raises(exceptions.InvalidArgument, match=r"'runtime_config\.parameter_values'"):
        check_values(job)


def test_what_is_allowed_passes() -> None:
    job = v1.PipelineJob.pb(v1.PipelineJob(display_name="wine", labels={"wine": "white"}))
    job.runtime_config.parameter_values["alpha"].number_value = 0.5
    job.create_time.GetCurrentTime()

    check_values(job)
