"""Tasks of the pipeline environment, run by forking its warm process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from tests.vertex.worker.processes import MODULES, runs

from localcloud.config import Settings
from localcloud.testing import eventually
from localcloud.vertex.worker.errors import (
    ChildStoppedError,
    PipelinePythonMissingError,
    UnsupportedCommandError,
    WorkerDiedError,
)
from localcloud.vertex.worker.pool import Task, TaskExit, WorkerPool


def run(pool: WorkerPool, log: Path, module: str, *args: str, **environment: str) -> TaskExit:
    return pool.start_task(["python", "-m", module], list(args), environment, log).wait()


def linger(pool: WorkerPool, tmp_path: Path) -> tuple[Task, list[int]]:
    """Start a task that keeps running, and return the ids of its three processes."""
    file = tmp_path / "pids"
    task = pool.start_task(["python", "-m", "linger"], [str(file)], {}, tmp_path / "log")
    eventually(file.exists)
    return task, [int(pid) for pid in file.read_text().split()]


def test_a_command_runs_as_the_interpreter_would_run_it(pool, tmp_path):
    log = tmp_path / "logs" / "task.log"

    ended = run(pool, log, "show", "--a", "b c", GREETING="hello")

    assert ended.code == 0
    assert json.loads(log.read_text()) == {"argv": ["--a", "b c"], "name": "__main__", "greeting": "hello"}
    assert ended.max_rss_bytes > 1_000_000


def test_one_tasks_environment_does_not_reach_the_next(pool, tmp_path):
    run(pool, tmp_path / "first", "show", GREETING="hello")

    run(pool, tmp_path / "second", "show")

    assert json.loads((tmp_path / "second").read_text())["greeting"] is None


@pytest.mark.parametrize(("argument", "code"), [("0", 0), ("3", 3), ("the reason", 1)])
def test_the_exit_code_is_the_programs_own(pool, tmp_path, argument, code):
    assert run(pool, tmp_path / "log", "stop", argument).code == code


def test_what_a_program_says_at_its_end_is_in_the_log(pool, tmp_path):
    run(pool, tmp_path / "log", "stop", "the reason")

    assert "the reason" in (tmp_path / "log").read_text()


def test_a_module_that_does_not_exist_fails_with_the_interpreters_words(pool, tmp_path):
    assert run(pool, tmp_path / "log", "no_such_module").code == 1
    assert "no_such_module" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("command", [["bash", "-c", "true"], ["python", "script.py"], [], ["python", "-m"]])
def test_another_kind_of_command_is_refused_by_name(pool, tmp_path, command):
    with pytest.raises(UnsupportedCommandError, match="runs only `python -m MODULE`"):
        pool.start_task(command, [], {}, tmp_path / "log")


def test_two_tasks_run_at_the_same_time(pool, tmp_path):
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    first = pool.start_task(["python", "-m", "meet"], [one, two], {}, tmp_path / "log")

    second = pool.start_task(["python", "-m", "meet"], [two, one], {}, tmp_path / "log")

    assert [first.wait().code, second.wait().code] == [0, 0]


def test_cancelling_ends_the_task_and_what_it_started(pool, tmp_path):
    task, pids = linger(pool, tmp_path)
    caught: list[BaseException] = []

    def wait() -> None:
        try:
            task.wait()
        except ChildStoppedError as error:
            caught.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()

    task.cancel()

    waiting.join(60)
    assert caught
    eventually(lambda: not any(map(runs, pids)))


def test_a_killed_worker_fails_the_task_in_flight_and_the_next_one_runs(pool, tmp_path):
    task, pids = linger(pool, tmp_path)
    psutil.Process(psutil.Process(pids[0]).ppid()).send_signal(signal.SIGKILL)

    with pytest.raises(WorkerDiedError, match="exit code -9"):
        task.wait()

    eventually(lambda: not any(map(runs, pids)))
    assert run(pool, tmp_path / "next", "show").code == 0


def test_stopping_ends_every_task(pool, tmp_path):
    _, pids = linger(pool, tmp_path)

    pool.stop()

    eventually(lambda: not any(map(runs, pids)))


def test_no_process_outlives_an_owner_that_was_killed(pipeline_python, tmp_path):
    program = (
        "import sys; from pathlib import Path\n"
        "from localcloud.config import Settings\n"
        "from localcloud.vertex.worker.pool import WorkerPool\n"
        "state = Path(sys.argv[1])\n"
        "pool = WorkerPool(Settings(state=state, pipeline_python=Path(sys.argv[2])),"
        " {'PYTHONPATH': sys.argv[3]})\n"
        "pool.start_task(['python', '-m', 'linger'], [str(state / 'pids')], {}, state / 'log').wait()\n"
    )
    file = tmp_path / "pids"
    owner = subprocess.Popen(
        [sys.executable, "-c", program, tmp_path, pipeline_python, MODULES],
    )
    eventually(file.exists)
    pids = [int(pid) for pid in file.read_text().split()]
    zygote = psutil.Process(pids[0]).ppid()

    owner.kill()
    owner.wait()

    eventually(lambda: not any(map(runs, [zygote, *pids])))


def test_what_a_killed_owner_and_its_worker_left_is_ended_before_the_next_start(pool, settings, tmp_path):
    # given processes of a task whose worker cannot end them any more
    _, pids = linger(pool, tmp_path)
    zygote = psutil.Process(psutil.Process(pids[0]).ppid())
    zygote.suspend()

    # when another owner starts over the same state
    following = WorkerPool(settings, {})
    following.start()

    # then none of them runs any more
    eventually(lambda: not any(map(runs, [zygote.pid, *pids])))
    following.stop()


def test_preloading_names_what_cannot_be_imported(pool):
    assert pool.preload(["json", "no_such_module"]) == {
        "no_such_module": "ModuleNotFoundError: No module named 'no_such_module'"
    }


def test_a_module_that_is_edited_is_read_anew(pool, own_modules, tmp_path):
    module = own_modules / "edited.py"
    module.write_text("print('old')")
    pool.preload(["edited"])
    run(pool, tmp_path / "old", "edited")

    module.write_text("print('newer')")
    run(pool, tmp_path / "new", "edited")

    assert (tmp_path / "old").read_text() == "old\n"
    assert (tmp_path / "new").read_text() == "newer\n"


def test_what_a_task_imports_is_warm_for_the_next_one(pool, settings, own_modules, pipeline_python, tmp_path):
    (own_modules / "mine.py").write_text("")
    # not everything in sys.modules can be imported: the rest must do no harm
    program = (
        "import sys, mine, psutil\nprint('warm' if {!r} in before else 'cold')\nsys.modules['odd'] = mine"
    )
    (own_modules / "task.py").write_text(f"import sys\nbefore = set(sys.modules)\n{program.format('psutil')}")
    run(pool, tmp_path / "first", "task")

    run(pool, tmp_path / "second", "task")
    pool.stop()
    following = WorkerPool(
        replace(settings, pipeline_python=pipeline_python), {"PYTHONPATH": str(own_modules)}
    )
    following.start()
    failed = following.warm_up(["no_such_module"])
    run(following, tmp_path / "third", "task")
    following.stop()

    assert [(tmp_path / name).read_text() for name in ("first", "second", "third")] == [
        "cold\n",
        "warm\n",
        "warm\n",
    ]
    assert list(failed) == ["no_such_module"]
    # modules being edited are never warm, nor those without a file
    learned = (settings.state / "worker-imports").read_text().split()
    assert "psutil" in learned
    assert not {"mine", "odd", "task", "__main__"} & set(learned)


def test_a_task_collects_its_own_garbage_and_leaves_what_is_warm_alone(pool, own_modules, tmp_path):
    (own_modules / "collects.py").write_text(
        "import gc, json\nprint(json.dumps([gc.isenabled(), gc.get_freeze_count(), len(gc.get_objects())]))"
    )
    pool.preload(["json", "email.message"])

    run(pool, tmp_path / "log", "collects")

    is_enabled, left_alone, its_own = json.loads((tmp_path / "log").read_text())
    assert is_enabled
    assert left_alone > its_own


def test_a_task_looks_for_no_translations(settings, own_modules, pipeline_python, tmp_path, monkeypatch):
    (own_modules / "translates.py").write_text(
        "import gettext, os\n"
        "asked = []\n"
        "os.path.exists = asked.append\n"
        "gettext.find('messages')\n"
        "print(asked)"
    )
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.setenv("LANGUAGE", "de:en")
    pool = WorkerPool(replace(settings, pipeline_python=pipeline_python), {"PYTHONPATH": str(own_modules)})

    run(pool, tmp_path / "log", "translates")
    pool.stop()

    assert (tmp_path / "log").read_text() == "[]\n"


def test_a_missing_pipeline_environment_is_named_with_what_to_set(tmp_path):
    absent = tmp_path / "bin" / "python"
    pool = WorkerPool(Settings(state=tmp_path, pipeline_python=absent), {})

    with pytest.raises(PipelinePythonMissingError, match=f"{absent}.*LOCALCLOUD_PIPELINE_PYTHON"):
        run(pool, tmp_path / "log", "show")
