"""The page of a pipeline job, while its tasks run and after."""

from __future__ import annotations

import re

import pytest
from tests.console.pages import Browse, Jobs, job_page, metadata
from tests.vertex.pipelines.specs import Pipeline

from localcloud.console.views.pipelines import dependencies


@pytest.fixture(scope="module")
def page(jobs: Jobs, browse: Browse):
    """Return the page of a job that succeeded."""
    pipeline = Pipeline("looked-at", query="STRING").container(
        "Example", outputs={"examples": "tfx.Examples"}, query="$query", metadata=metadata(rows=4898)
    )
    pipeline.container("Train", inputs={"examples": "Example.examples"}, outputs={"model": "tfx.Model"})
    pipeline.container("Push", inputs={"model": "Train.model"}, after=["Example"])
    query = '{"splits": [{"pattern": "SELECT 1\\nFROM wines"}]}'
    job = jobs.run(pipeline, query=query, DISPLAY_NAME="A good job", LABELS={"wine": "white"})
    return browse(job_page(job))


def test_the_graph_holds_each_task_with_its_state_in_words(page):
    assert page.status == 200
    assert page.task_states() == {"Example": "SUCCEEDED", "Push": "SUCCEEDED", "Train": "SUCCEEDED"}
    for box in page.graph().iter("g"):
        assert re.search(r"Succeeded · \d+\.\d s", " ".join(box.itertext()))


def test_an_arrow_leads_from_a_task_to_each_that_needs_it(page):
    arrows = [path.attrib for path in page.graph().iter("path") if "data-from" in path.attrib]

    assert {(one["data-from"], one["data-to"]) for one in arrows} == {
        ("Example", "Train"),
        ("Train", "Push"),
        ("Example", "Push"),
    }
    # the path through Train implies it
    assert [one["data-to"] for one in arrows if "implied" in one["class"]] == ["Push"]


def test_the_job_says_its_name_state_times_labels_and_parameters(page):
    assert "<h1>A good job</h1>" in page.body
    assert page.inside("state") == "Succeeded"
    assert "wine: white" in page.text
    assert re.search(r"Ended \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC Took \d+\.\d s", page.text)
    # JSON in a parameter is parsed, so that a query keeps its lines
    assert "<pre>SELECT 1\nFROM wines</pre>" in page.body


def test_a_task_shows_what_went_in_what_came_out_and_the_end_of_its_log(page):
    assert "rows 4898" in page.text
    assert re.search(r"gs://vertex-tests/root/\d+/job-\w+/Train_\d+/model", page.text)
    assert "started with" in page.text


def test_the_whole_log_is_plain_text(page, browse):
    link = next(link for link in page.links if "/tasks/Train/log" in link)

    log = browse(link)

    assert log.status == 200
    assert log.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert log.body.startswith("started with")
    assert browse(link.replace("/Train/", "/Nobody/")).status == 404


def test_a_log_outside_of_the_folder_is_not_read(page, browse):
    link = next(link for link in page.links if "/tasks/Train/log" in link)

    answer = browse(link.replace("/Train/", "/..%2F..%2Fworker/"))

    assert answer.status == 404
    assert "has no log" in answer.text


def test_a_job_that_has_ended_is_not_asked_again(page):
    assert "refresh" not in page.body


def test_a_failed_task_shows_its_error_and_its_log_and_what_was_not_begun(jobs, browse):
    pipeline = Pipeline().container("Bad", outputs={"model": "tfx.Model"}, fail="no grapes left")
    pipeline.container("Never", inputs={"model": "Bad.model"})

    page = browse(job_page(jobs.run(pipeline)))

    assert page.inside("state") == "Failed"
    assert page.task_states() == {"Bad": "FAILED", "Never": "NOT_TRIGGERED"}
    assert "The failed tasks are: [Bad]" in page.text
    # unfolded, so that it is visible at once
    found = re.search(r'id="task-Bad" open>(.*?)</details>', page.body, re.DOTALL)
    assert found
    assert "Task Bad failed: exit code 1" in found[1]
    assert re.search(r'<pre class="log">[^<]*no grapes left', found[1])


def test_a_running_job_asks_again_until_it_has_ended(jobs, browse, tmp_path):
    signal = tmp_path / "go"
    pipeline = Pipeline().container("Slow", outputs={"model": "tfx.Model"}, wait_for=str(signal))
    pipeline.container("Later", inputs={"model": "Slow.model"})
    job = jobs.create(pipeline)
    jobs.until(job, lambda found: [task.state.name for task in found.job_detail.task_details] == ["RUNNING"])

    running = browse(job_page(job))
    signal.touch()
    jobs.until(job, lambda found: bool(found.end_time))
    ended = browse(job_page(job))

    assert running.inside("state") == "Running"
    assert running.task_states() == {"Later": "WAITING", "Slow": "RUNNING"}
    assert '<script src="/static/refresh.js" defer>' in running.body
    assert '<noscript><meta http-equiv="refresh"' in running.body
    assert ended.inside("state") == "Succeeded"
    assert "refresh" not in ended.body


def test_a_result_that_was_there_already_is_called_cached(jobs, browse):
    pipeline = Pipeline("cached").container("Once", outputs={"model": "tfx.Model"}, cached=True)
    jobs.run(pipeline)

    page = browse(job_page(jobs.run(pipeline)))

    assert page.task_states() == {"Once": "SKIPPED"}
    assert "Skipped (cached)" in page.text


def test_what_clients_have_named_is_never_taken_for_html(jobs, browse):
    evil = '<script>alert("1")</script>'
    pipeline = Pipeline(text="STRING").container("Fails", outputs={"model": "tfx.Model"}, fail=evil)
    job = jobs.run(pipeline, text=evil, DISPLAY_NAME=evil, LABELS={"wine": "<b>white</b>"})

    pages = [browse(job_page(job)), browse("/"), browse("/vertex-ai/pipelines/runs")]

    for page in pages:
        assert "<script>" not in page.body
        assert "<b>" not in page.body
        assert evil in page.text or "&lt;script&gt;" in page.body
    assert pages[0].task_states() == {"Fails": "FAILED"}


@pytest.mark.parametrize(
    "spec",
    [{}, {"root": {"dag": []}}, {"root": {"dag": {"tasks": {"a": None}}}}, {"root": {"dag": {"tasks": [1]}}}],
)
def test_a_specification_that_cannot_be_read_has_no_graph(spec):
    assert dependencies(spec) == {}


def test_a_task_that_needs_an_unknown_one_is_drawn_without_it():
    spec = {"root": {"dag": {"tasks": {"a": {"dependentTasks": ["gone"]}}}}}

    assert dependencies(spec) == {"a": set()}
