"""A card as one page of HTML that needs no other file: no script, no other file, no request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib import resources
from xml.etree.ElementTree import Element

from vertex_mlops.contract.names import DATA_VERSION_LABEL

from wine_pipeline.features import COVERAGE, GRADE_HIGH, GRADE_LOW
from wine_pipeline.model_card.charts import calibration_plot, confusion_plot, sparkline
from wine_pipeline.model_card.content import Card
from wine_pipeline.model_card.importance import SAMPLE_ROWS
from wine_pipeline.model_card.markup import document, node, table
from wine_pipeline.model_card.predictions import Slice
from wine_pipeline.model_card.statistics import FeatureSummary

_STYLE = "style.css"
_METRICS = {
    "auc": "AUC of good wines",
    "accuracy": "accuracy of good wines",
    "mad": "MAD of the grade",
    "examples": "wines",
}


def write_page(card: Card) -> str:
    """
    Write a card out.

    :param card: what it says.
    """
    title = f"Model card of {card.pipeline}"
    style = resources.files(__package__).joinpath(_STYLE).read_text(encoding="utf-8")
    parts = (
        *(_head(card, title), _figures(card), _interval(card), _slices(card), _plots(card)),
        *(_importances(card), _explained(card), _features(card), _origin(card)),
    )
    return document(title, style, *(element for part in parts for element in part), *_durations(card))


def _head(card: Card, title: str) -> Iterator[Element]:
    yield node("h1", title)
    if card.blessed:
        yield node("p", node("strong", "Blessed"), ": it may serve.", class_="verdict good")
    else:
        reason = card.reason or "the pipeline reports no reason"
        yield node("p", node("strong", card.verdict.capitalize()), f": {reason}.", class_="verdict bad")


def _figures(card: Card) -> Iterator[Element]:
    yield node("h2", f"Metrics compared with the {card.compared}")
    head = ["on the eval split", "this model", card.compared, "difference", "must be"]
    yield table(head, [_metric(card, name) for name in _METRICS])
    if card.evidence:
        yield node("p", f"Paired test: {card.evidence}.", class_="note")


def _metric(card: Card, name: str) -> list[str]:
    value, other = card.metrics[name], card.compared_metrics[name]
    if name == "examples":
        return [_METRICS[name], f"{value:,.0f}", f"{other:,.0f}", "", ""]
    return [
        _METRICS[name],
        f"{value:.4f}",
        f"{other:.4f}",
        f"{value - other:+.4f}",
        card.bounds.get(name, ""),
    ]


def _interval(card: Card) -> Iterator[Element]:
    found, other = card.predictions.interval, card.compared_predictions.interval
    if not found:
        return
    yield node("h2", f"Interval of {COVERAGE:.0%}")
    rows = (
        (found.within, other and other.within, "wines whose grade is in the interval", ".1%"),
        (found.covered, other and other.covered, "the same with each grade spread over ± 0.5", ".1%"),
        (found.width, other and other.width, "mean width in grades", ".3f"),
    )
    yield table(
        ["on the eval split", "this model", card.compared],
        [[name, f"{ours:{form}}", "" if its is None else f"{its:{form}}"] for ours, its, name, form in rows],
    )
    yield node(
        "p",
        f"From {GRADE_LOW} to {GRADE_HIGH}, quantiles of grouped data. The second line of a calibrated model"
        f" is {COVERAGE:.0%}; the first is higher, as grades are whole numbers.",
        class_="note",
    )


def _slices(card: Card) -> Iterator[Element]:
    yield node("h2", "Slices")
    ours, others = card.predictions, card.compared_predictions
    by = card.compared
    head = ["wines", "MAD", f"of the {by}", "accuracy", f"of the {by}", "mean error", f"of the {by}"]
    for title, slices, compared in (
        ("grade", ours.grades, others.grades),
        ("alcohol", ours.quartiles, others.quartiles),
    ):
        yield node("h3", f"By {title}")
        yield table([title, *head], [_slice(*pair) for pair in zip(slices, compared, strict=True)])
    yield node(
        "p",
        f"{ours.rows:,} wines of the eval split. The quarters of the alcohol are those of the training rows."
        " Mean error: predicted grade minus grade.",
        class_="note",
    )


def _slice(ours: Slice, other: Slice) -> Sequence[str]:
    return (
        ours.name,
        f"{ours.rows:,}",
        f"{ours.mad:.3f}",
        f"{other.mad:.3f}",
        f"{ours.accuracy:.3f}",
        f"{other.accuracy:.3f}",
        f"{ours.bias:+.3f}",
        f"{other.bias:+.3f}",
    )


def _plots(card: Card) -> Iterator[Element]:
    yield node("h2", "Calibration and confusion")
    yield node(
        "div",
        _figure(
            calibration_plot(card.predictions.calibration),
            "The larger a dot, the more wines. On the dashed line, as many are good as predicted.",
        ),
        _figure(
            confusion_plot(card.predictions.confusion),
            "Numbers are wines; the colour is their share of the row. Framed: the right grade.",
        ),
        class_="plots",
    )


def _figure(plot: Element, caption: str) -> Element:
    return node("figure", plot, node("figcaption", caption))


def _importances(card: Card) -> Iterator[Element]:
    yield node("h2", "What the grade depends on")
    rows = [
        [each.name, f"{each.shift:.3f}", f"{each.mad_rise:+.3f} ± {each.standard_error:.3f}"]
        for each in card.importances.features
    ]
    yield table(["with the values of other wines", "grade moves by", "MAD rises by"], rows)
    yield node(
        "p",
        "Permutation importance: each feature in turn gets its values from other wines of the eval split."
        f" {card.importances.wines:,} wines, copies left out; of more than {SAMPLE_ROWS:,}, a sample. ± is"
        " the standard error. Features that say the same, such as alcohol and density, share their"
        " importance.",
        class_="note",
    )


def _explained(card: Card) -> Iterator[Element]:
    yield node("h2", "What moves the grades of the known instances")
    names = ["lab's wine", *(f"instance {number}" for number in range(2, len(card.explained) + 1))]
    head = [cell for name in names for cell in (name, "moves grade by")]
    rows = [
        [
            feature,
            *(
                cell
                for wine in card.explained
                for cell in (f"{wine.measured[feature]:.4g}", f"{wine.moved[feature]:+.3f}")
            ),
        ]
        for feature in card.explained[0].measured
    ]
    for name, grades in (
        ("grade of the average wine", [wine.average_grade for wine in card.explained]),
        ("grade of this wine", [wine.grade for wine in card.explained]),
    ):
        rows.append([name, *(cell for grade in grades for cell in ("", f"{grade:.3f}"))])
    yield table(["", *head], rows)
    yield node(
        "p",
        "Sampled Shapley values, which the endpoint answers as well: each column adds up to the difference"
        " from the average wine. The known instances are those that each rollout asks; all but the lab's"
        " wine lie between it and what is just plausible.",
        class_="note",
    )


def _features(card: Card) -> Iterator[Element]:
    yield node("h2", "Features")
    head = ["training rows", "distribution", "mean", "std. dev.", "min", "median", "max", "missing"]
    yield table(head, [_feature(found) for found in card.training.features])
    yield node("p", f"{card.training.rows:,} training rows.", class_="note")


def _feature(found: FeatureSummary) -> list[Element | str]:
    measured = (found.mean, found.deviation, found.minimum, found.median, found.maximum)
    return [
        found.name,
        sparkline(found.counts),
        *(f"{value:.4g}" for value in measured),
        f"{found.missing:,}",
    ]


def _origin(card: Card) -> Iterator[Element]:
    yield node("h2", "Data and code")
    facts = {"code version (git)": card.git_revision}
    if card.job:
        facts |= {"pipeline job": card.job.name}
        facts |= {name.replace("_", " "): value for name, value in sorted(card.job.labels.items())}
        if version := card.job.labels.get(DATA_VERSION_LABEL):
            when = datetime.fromtimestamp(int(version) / 1000, UTC)
            facts["data version"] = f"{version}: the table as of {when:%Y-%m-%d %H:%M:%S} UTC"
    yield node(
        "dl",
        *(part for name, value in facts.items() for part in (node("dt", name), node("dd", value))),
    )
    yield node("h3", "Query")
    yield node("pre", card.query)


def _durations(card: Card) -> Iterator[Element]:
    yield node("h2", "Duration of each task")
    if card.job is None:
        yield node("p", "The pipeline did not run on Vertex AI, which measures it.", class_="note")
        return
    yield table(["task", "seconds"], [[name, f"{took:,.1f}"] for name, took in card.job.seconds.items()])
    yield node("p", "Those that had ended when this card was made.", class_="note")
