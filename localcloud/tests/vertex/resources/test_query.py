"""Filters, order and pages of the list methods."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1

from localcloud.vertex.resources.filters import Queryable
from localcloud.vertex.resources.query import select, select_for

JOBS = Queryable(
    v1.PipelineJob,
    ("display_name", "state", "create_time", "labels", "template_metadata.version"),
    ("create_time", "display_name"),
    {"pipeline_name": lambda job: job.name.upper()},
    ("display_name",),
)
MIDNIGHT = datetime.datetime(2026, 5, 18, tzinfo=datetime.UTC)


def job(number: int, state: str = "PIPELINE_STATE_SUCCEEDED", **labels: str) -> v1.PipelineJob:
    return v1.PipelineJob(
        name=f"j{number}",
        display_name=f"job {number}",
        state=v1.PipelineState[state],
        labels=labels,
        create_time=MIDNIGHT + datetime.timedelta(hours=number),
        template_metadata=v1.PipelineTemplateMetadata(version=f"v{number}"),
    )


ITEMS = [
    job(1, wine="white", data_version="7"),
    job(2, "PIPELINE_STATE_FAILED", wine="white"),
    job(3, wine="red"),
    job(4, "PIPELINE_STATE_RUNNING"),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1234"),
        ('display_name="job 2"', "2"),
        ("displayName = 'job 2'", "2"),
        ('display_name!="job 2"', "134"),
        ('display_name:"job*"', "1234"),
        ('display_name:"*3"', "3"),
        ('display_name:"job"', ""),
        ('display_name:"[j]ob*"', ""),
        ("state=PIPELINE_STATE_SUCCEEDED", "13"),
        ('state!="PIPELINE_STATE_SUCCEEDED"', "24"),
        ("labels.wine=white", "12"),
        ('labels."wine"="white"', "12"),
        ("labels.wine:*", "123"),
        ("labels:data_version", "1"),
        ("labels.wine!=white", "34"),
        ('labels.wine="white" AND state="PIPELINE_STATE_SUCCEEDED"', "1"),
        ("labels.wine=red OR state=PIPELINE_STATE_RUNNING", "34"),
        # OR binds tighter than AND: https://google.aip.dev/160#logical-operators
        ("labels.wine=red OR labels.wine=white AND state=PIPELINE_STATE_SUCCEEDED", "13"),
        ("(labels.wine=red AND state=PIPELINE_STATE_SUCCEEDED) OR state=PIPELINE_STATE_FAILED", "23"),
        ("NOT labels.wine:*", "4"),
        ('create_time>"2026-05-18T02:00:00Z"', "34"),
        ("create_time>=2026-05-18T02:00:00Z", "234"),
        ('create_time<"2026-05-18T02:00:00+00:00"', "1"),
        ('create_time="2026-05-18T02:00:00Z"', "2"),
        ("template_metadata.version=v3", "3"),
        ("pipeline_name=J1", "1"),
    ],
)
def test_a_filter_picks(text: str, expected: str) -> None:
    found = select(ITEMS, JOBS, filter=text).items

    assert "".join(item.name[1:] for item in found) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("display_nme=x", "'display_nme' is not supported; supported fields are create_time, display_name"),
        ("error.message=x", "'error.message' is not supported"),
        ("display_name", "expected op, found the end"),
        ("display_name=", "expected word or quoted, found the end"),
        ("display_name>x", "display_name does not support >"),
        ("pipeline_name:J*", "pipeline_name does not support :"),
        ("state=SUCCEEDED", "'SUCCEEDED' is not a PipelineState"),
        ("state>PIPELINE_STATE_FAILED", "state does not support >"),
        ("create_time>yesterday", "'yesterday' is not an RFC 3339 time"),
        ("create_time>2026-05-18T02:00:00", "names no time zone"),
        ("create_time:2026", "create_time does not support :"),
        ("labels=wine", "labels takes labels.key=value"),
        ("labels.wine>white", "labels.wine does not support >"),
        ("(state=PIPELINE_STATE_FAILED", "a parenthesis is not closed"),
        ("labels.wine=white labels.wine=red", "unexpected 'labels'"),
        ('display_name="open', "cannot read"),
    ],
)
def test_a_filter_that_the_api_does_not_know_is_refused(text: str, reason: str) -> None:
    # no item is needed to see that a filter is wrong
    with pytest.raises(exceptions.InvalidArgument) as refused:
        select([], JOBS, filter=text)

    assert reason in refused.value.message


@pytest.mark.parametrize(
    ("order", "expected"),
    [("create_time desc", "4321"), ("create_time", "1234"), ("display_name asc, create_time desc", "1234")],
)
def test_a_list_is_ordered(order: str, expected: str) -> None:
    assert "".join(item.name[1:] for item in select(ITEMS, JOBS, order_by=order).items) == expected


@pytest.mark.parametrize("order", ["state", "create_time down", "create_time desc desc"])
def test_an_order_that_the_api_does_not_know_is_refused(order: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="supported fields are create_time, display_name"):
        select(ITEMS, JOBS, order_by=order)


def test_pages_follow_each_other_to_the_end() -> None:
    first = select(ITEMS, JOBS, page_size=3)
    second = select(ITEMS, JOBS, page_size=3, page_token=first.next_page_token)

    assert [item.name for item in [*first.items, *second.items]] == ["j1", "j2", "j3", "j4"]
    assert second.next_page_token == ""


@pytest.mark.parametrize("token", ["nonsense", "!", select(ITEMS, JOBS, page_size=1).next_page_token])
def test_a_token_of_another_query_is_refused(token: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="page_token"):
        select(ITEMS, JOBS, filter="labels.wine=white", page_token=token)


@pytest.mark.parametrize(
    "other",
    [
        v1.ListPipelineJobsRequest(parent="p2"),
        v1.ListPipelineJobsRequest(parent="p1", order_by="create_time"),
        v1.ListPipelineJobsRequest(parent="p1", read_mask={"paths": ["name"]}),
        v1.ListTrainingPipelinesRequest(parent="p1"),
    ],
)
def test_a_token_is_good_for_the_same_request_alone(other: Any) -> None:
    # given the first page of a list
    token = select_for(v1.ListPipelineJobsRequest(parent="p1", page_size=2), ITEMS, JOBS).next_page_token

    # then the next page may have another size
    rest = select_for(v1.ListPipelineJobsRequest(parent="p1", page_size=9, page_token=token), ITEMS, JOBS)
    assert [item.name for item in rest.items] == ["j3", "j4"]

    # but nothing else may differ
    other.page_token = token
    with pytest.raises(exceptions.InvalidArgument, match="page_token"):
        select_for(other, ITEMS, JOBS)


def test_a_read_mask_leaves_the_rest_out() -> None:
    request = v1.ListPipelineJobsRequest(read_mask={"paths": ["name", "template_metadata.version"]})

    assert select_for(request, ITEMS[:1], JOBS).items == [
        v1.PipelineJob(name="j1", template_metadata={"version": "v1"})
    ]


def test_a_read_mask_that_names_no_field_is_refused() -> None:
    request = v1.ListPipelineJobsRequest(read_mask={"paths": ["nme"]})

    with pytest.raises(exceptions.InvalidArgument, match="Invalid read_mask nme"):
        select_for(request, ITEMS, JOBS)


def test_a_negative_page_size_is_refused() -> None:
    with pytest.raises(exceptions.InvalidArgument, match="page_size"):
        select(ITEMS, JOBS, page_size=-1)
