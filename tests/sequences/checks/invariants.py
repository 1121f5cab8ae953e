"""Invariants of a wine that must hold once nothing runs, whatever has happened to it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.sequences.airflow.runs import SUCCESS
from tests.sequences.checks.journal import Journal


def broken(journal: Journal) -> list[str]:
    """Return all violated invariants."""
    return [
        *journal.violations,
        *_traffic(journal),
        *_service(journal),
        *_promise(journal),
        *_others(journal),
        *_way_back(journal),
        *_monitoring(journal),
    ]


def _traffic(journal: Journal) -> Iterator[str]:
    """Check that all traffic is on models that verify passed, or that a person deployed."""
    seen = journal.state.seen
    for id_, share in seen.traffic.items():
        version = seen.versions.get(id_, "a model that is not deployed")
        if id_ not in journal.others and version not in journal.sound:
            yield f"{share} % of the traffic is on {version}, which no verify has passed"


def _service(journal: Journal) -> Iterator[str]:
    """Check that a model serves if one has served before."""
    if journal.serves and not journal.state.seen.traffic:
        yield "nothing serves any more"


def _promise(journal: Journal) -> Iterator[str]:
    """Check that the promoted model is the champion, and has all traffic but that of others."""
    if not journal.promise:
        return
    run, version = journal.promise.run, journal.promise.version
    aliases, seen = journal.state.aliases, journal.state.seen
    if aliases.get("champion") != version:
        yield f"{run} has promoted version {version}, and the champion is {aliases.get('champion')}"
    serving = {seen.versions.get(id_) for id_ in seen.traffic if id_ not in journal.others}
    if serving != {f"wine-{journal.wine.name}@{version}"}:
        yield f"{run} has promoted version {version}, and {sorted(map(str, serving))} serve: {seen.traffic}"


def _others(journal: Journal) -> Iterator[str]:
    """Check that models of other teams stay deployed, with their traffic unless nothing else can serve."""
    seen = journal.state.seen
    alone = seen.traffic.keys() <= journal.others.keys()
    for id_, share in journal.others.items():
        found = seen.traffic.get(id_, 0)
        if id_ not in seen.versions:
            yield f"another team's model {id_} was undeployed"
        elif found < share or (found > share and not alone):
            yield f"another team's model {id_} has {found} % of the traffic, not {share} %"


def _way_back(journal: Journal) -> Iterator[str]:
    """Check that wine_rollback finds what a promotion has replaced."""
    if not journal.previous or journal.state.aliases.get("previous") == journal.previous:
        return
    found = journal.would_go_back_to()
    if found != journal.previous:
        yield f"version {journal.previous} was replaced, and wine_rollback goes back to {found or 'none'}"


def _monitoring(journal: Journal) -> Iterator[str]:
    """Check that an endpoint has one monitoring job, with the models that serve and its recipients."""
    jobs = journal.wine.monitoring_jobs()
    if len(jobs) > 1:
        yield f"there are {len(jobs)} monitoring jobs"
    for job in jobs:
        emails = set(job.model_monitoring_alert_config.email_alert_config.user_emails)
        if missing := journal.recipients - emails:
            yield f"the monitoring job no longer tells {sorted(missing)}"
    if journal.watched and journal.watched.state == SUCCESS:
        seen = journal.state.seen
        wanted = {id_ for id_ in seen.traffic if id_ not in journal.others}
        watched = {
            config.deployed_model_id
            for job in jobs
            for config in job.model_deployment_monitoring_objective_configs
        }
        if watched - journal.others.keys() != wanted:
            yield f"{wanted} serve, and the monitoring job watches {watched}"
