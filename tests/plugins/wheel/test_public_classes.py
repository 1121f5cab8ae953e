"""Every public class says what it takes, its templates and links are what it says, and a page names it."""

from __future__ import annotations

import builtins
import importlib
import inspect
import pkgutil
import re
import string
from collections.abc import Callable, Iterator
from typing import Any, is_typeddict

import pytest
import vertex_mlops

from tests.support.airflow_environment import REPOSITORY, isolate_airflow

isolate_airflow()

from airflow.sdk import Asset, BaseOperator  # noqa: E402
from airflow.sdk import exceptions as sdk_exceptions  # noqa: E402
from vertex_mlops import exceptions as our_exceptions  # noqa: E402
from vertex_mlops.contract.monitoring.settings import MonitoringSettings  # noqa: E402
from vertex_mlops.links.console import ConsoleLink  # noqa: E402

PACKAGE = vertex_mlops.__name__
PAGES = sorted((REPOSITORY / "docs" / "operators").glob("*.md"))
PARAM = re.compile(r"^:param (\w+): (.*?)(?=^:|^$|\Z)", re.MULTILINE | re.DOTALL)
DURATION = re.compile(r"timeout|interval|ttl|seconds")
UNIT = re.compile(r"\b(milliseconds|seconds|hours|days)\b", re.IGNORECASE)
# of the arguments that take no template, those without a default
GIVEN: dict[str, Any] = {"settings": MonitoringSettings(), "asset": Asset(name="asset")}


def is_ours(cls: type) -> bool:
    return cls.__module__.startswith(f"{PACKAGE}.")


def public_classes() -> Iterator[type]:
    """Return every class of the package whose name does not begin with an underscore."""
    for module in pkgutil.walk_packages(vertex_mlops.__path__, f"{PACKAGE}."):
        members = inspect.getmembers(importlib.import_module(module.name), inspect.isclass)
        yield from (cls for name, cls in members if cls.__module__ == module.name and name[0] != "_")


def public_methods(cls: type) -> Iterator[Callable[..., Any]]:
    """Return those that the class adds to what Airflow or the provider describe."""
    foreign = [base for base in cls.__mro__ if not is_ours(base)]
    for name in vars(cls):
        member = getattr(cls, name)
        method = inspect.isfunction(member) or inspect.ismethod(member)
        if name[0] != "_" and method and not any(hasattr(base, name) for base in foreign):
            yield member


CLASSES = list(public_classes())
METHODS = [method for cls in CLASSES for method in public_methods(cls)]
# a base class executes nothing
OPERATORS: list[Any] = [
    cls for cls in CLASSES if issubclass(cls, BaseOperator) and cls.execute is not BaseOperator.execute
]
in_turn = pytest.mark.parametrize("operator", OPERATORS, ids=lambda cls: cls.__name__)


def named(function: Callable[..., Any]) -> set[str]:
    """Return the parameters of a function that have a name of their own."""
    return {
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "self" and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }


def arguments(cls: Any) -> set[str]:
    """Return what a class is made from; what our classes hand on to a base of ours counts."""
    if is_typeddict(cls):
        return set(cls.__annotations__)
    if issubclass(cls, Exception):
        return set()
    makers = [base.__init__ for base in cls.__mro__ if is_ours(base) and "__init__" in vars(base)]
    return set().union(*map(named, makers or [cls]))


def described(documented: Any) -> dict[str, str]:
    """Return the ``:param x:`` lines of a docstring."""
    return dict(PARAM.findall(inspect.cleandoc(documented.__doc__ or "")))


def make(operator: Any, value: str) -> Any:
    """Create an operator with the same value in every template field."""
    given = {name: GIVEN[name] for name in arguments(operator) & GIVEN.keys()}
    return operator(task_id="task", **dict.fromkeys(operator.template_fields, value), **given)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_a_class_says_what_it_is_and_describes_each_of_its_arguments(cls: Any) -> None:
    assert vars(cls)["__doc__"]
    assert set(described(cls)) == arguments(cls)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__qualname__)
def test_a_method_describes_each_of_its_arguments(method: Any) -> None:
    assert method.__doc__
    assert set(described(method)) == inspect.signature(method).parameters.keys() - {"self"}


@pytest.mark.parametrize("documented", [*CLASSES, *METHODS], ids=lambda documented: documented.__qualname__)
def test_a_time_has_a_unit(documented: Any) -> None:
    times = {name: text for name, text in described(documented).items() if DURATION.search(name)}

    assert {name for name, text in times.items() if not UNIT.search(text)} == set()


@in_turn
def test_what_is_templated_is_called_so_and_nothing_else_is(operator: Any) -> None:
    called = {name for name, text in described(operator).items() if "(templated" in text}

    assert called == set(operator.template_fields) & set(described(operator))


@in_turn
def test_an_operator_says_what_it_returns_and_which_errors_it_raises(operator: Any) -> None:
    text = inspect.cleandoc(operator.__doc__)

    assert re.search(r"^:return: ", text, re.MULTILINE)
    errors = re.findall(r"^:raises ([\w.]+): ", text, re.MULTILINE)
    assert errors
    for error in errors:
        module, _, name = error.rpartition(".")
        homes = [importlib.import_module(module)] if module else [builtins, sdk_exceptions, our_exceptions]
        assert any(hasattr(home, name) for home in homes), error


@in_turn
def test_every_template_field_is_rendered(operator: Any) -> None:
    task = make(operator, "{{ value }}")

    task.render_template_fields({"value": "rendered"})

    assert operator.template_fields
    assert {getattr(task, name) for name in operator.template_fields} == {"rendered"}


@in_turn
def test_every_link_is_made_from_what_the_operator_knows_and_one_id(
    operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # localcloud's clients are led to its own pages
    monkeypatch.delenv("GOOGLE_CLOUD_CONSOLE_URL", raising=False)
    links: list[Any] = list(operator.operator_extra_links)

    assert len({link.name for link in links}) == len(links)
    for link in links:
        known = make(operator, "value").extra_links_params
        fields = {field for _, field, _, _ in string.Formatter().parse(link.format_str) if field}
        assert isinstance(link, ConsoleLink)
        assert len(fields - known.keys()) <= 1
        assert link.url(**dict.fromkeys(fields, "1") | known).startswith("https://")


def test_the_pages_list_every_public_class_with_its_module() -> None:
    rows = re.compile(r"^\| `(\w+)` \| `([\w.]+)` \|", re.MULTILINE)
    listed = [row for page in PAGES for row in rows.findall(page.read_text())]

    assert sorted(listed) == sorted(
        (cls.__name__, cls.__module__.removeprefix(f"{PACKAGE}.")) for cls in CLASSES
    )


def test_the_index_leads_to_every_page_and_every_page_to_an_example_that_is_there() -> None:
    (index,) = (page for page in PAGES if page.name == "index.md")
    others = {page.name: page.read_text() for page in PAGES if page != index}

    assert set(re.findall(r"\]\((\w+\.md)\)", index.read_text())) == set(others)
    for name, text in others.items():
        examples = re.findall(r"\]\((example_dags/\w+\.py)\)", text)
        assert examples, name
        assert all((index.parent / example).is_file() for example in examples)
