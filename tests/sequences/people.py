"""Manual changes with Google's clients: of an endpoint, the registry, a monitoring job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.api_core.exceptions import GoogleAPICallError
from google.cloud import aiplatform_v1

from tests.plugins.operators.served_models import SERVING_IMAGE
from tests.sequences.wines import Wine

_MACHINE = {"machine_spec": {"machine_type": "n1-standard-2"}, "min_replica_count": 1}
OTHER_TEAM = "other-team"


class Person:
    """
    Makes changes to one wine; those that Google rejects are skipped.

    :param wine: whose endpoint and models.
    """

    def __init__(self, wine: Wine) -> None:
        self.wine = wine

    def register_other_team(self) -> None:
        """Upload a model that does not belong to the wine."""
        model = {
            "display_name": OTHER_TEAM,
            "artifact_uri": f"gs://{self.wine.settings.bucket}/models/sound/1",
            "container_spec": {"image_uri": SERVING_IMAGE},
        }
        request = {"parent": self.wine.parent, "model": model, "model_id": OTHER_TEAM}
        self.wine.models.upload_model(request=request).result()

    def give_traffic(self, split: dict[str, int]) -> bool:
        """Set the traffic split."""
        endpoint = {"name": self.wine.see().name, "traffic_split": split}
        update = {"endpoint": endpoint, "update_mask": {"paths": ["traffic_split"]}}
        return _done(lambda: self.wine.endpoints.update_endpoint(request=update))

    def deploy(self, model: str, share: int) -> str:
        """
        Deploy a model next to the others, which give up a share of their traffic.

        :param model: its resource name.
        :param share: of the traffic, in per cent; all if nothing serves.
        :return: id of the deployed model; empty if it was rejected.
        """
        seen = self.wine.see()
        split = {"0": share, **shrunk(seen.traffic, 100 - share)} if seen.traffic else {"0": 100}
        request = {
            "endpoint": seen.name,
            "deployed_model": {"model": model, "dedicated_resources": _MACHINE},
            "traffic_split": split if share else dict(seen.traffic),
        }
        found: list[str] = []

        def call() -> None:
            found.append(self.wine.endpoints.deploy_model(request=request).result().deployed_model.id)

        return found[0] if _done(call) else ""

    def undeploy(self, deployed_model_id: str) -> bool:
        """Undeploy a model; its traffic goes to the others."""
        seen = self.wine.see()
        rest = {id_: share for id_, share in seen.traffic.items() if id_ != deployed_model_id}
        others = [id_ for id_ in seen.versions if id_ != deployed_model_id]
        if others and not rest:
            rest = {others[0]: 100}
        request = {
            "endpoint": seen.name,
            "deployed_model_id": deployed_model_id,
            "traffic_split": shrunk(rest, 100),
        }
        return _done(lambda: self.wine.endpoints.undeploy_model(request=request).result())

    def move_alias(self, alias: str, version: str) -> bool:
        """Set an alias on a version."""
        name = f"{self.wine.model}@{version}"
        return _done(lambda: self.wine.models.merge_version_aliases(name=name, version_aliases=[alias]))

    def delete_version(self, version: str) -> bool:
        """Delete a version, unless it is deployed or the default one."""
        name = f"{self.wine.model}@{version}"
        return _done(lambda: self.wine.models.delete_model_version(name=name).result())

    def delete_monitoring_job(self) -> bool:
        """Pause and delete the endpoint's monitoring job."""
        name = self.wine.see().monitoring_job

        def call() -> None:
            self.wine.jobs.pause_model_deployment_monitoring_job(name=name)
            self.wine.jobs.delete_model_deployment_monitoring_job(name=name).result()

        return bool(name) and _done(call)

    def add_recipient(self, address: str) -> bool:
        """Add an address to the recipients of the alerts."""
        name = self.wine.see().monitoring_job
        if not name:
            return False
        job = self.wine.jobs.get_model_deployment_monitoring_job(name=name)
        alert: Any = job.model_monitoring_alert_config
        emails = [*alert.email_alert_config.user_emails, address]
        changed = aiplatform_v1.ModelDeploymentMonitoringJob(
            name=name, model_monitoring_alert_config={"email_alert_config": {"user_emails": emails}}
        )
        mask = {"paths": ["model_monitoring_alert_config"]}
        update = {"model_deployment_monitoring_job": changed, "update_mask": mask}
        return _done(lambda: self.wine.jobs.update_model_deployment_monitoring_job(request=update).result())

    def delete_endpoint(self) -> bool:
        """Undeploy all models of the endpoint, and delete it."""
        self.delete_monitoring_job()
        seen = self.wine.see()
        for deployed_model_id in seen.versions:
            self.undeploy(deployed_model_id)
        return _done(lambda: self.wine.endpoints.delete_endpoint(name=seen.name).result())


def shrunk(traffic: dict[str, int], total: int) -> dict[str, int]:
    """
    Return shares in the same proportion that add up to a total.

    :param traffic: shares.
    :param total: of the new ones.
    """
    if not traffic:
        return {}
    whole = sum(traffic.values())
    shares = {id_: share * total // whole for id_, share in traffic.items()}
    first = next(iter(shares))
    shares[first] += total - sum(shares.values())
    return shares


def _done(act: Callable[[], Any]) -> bool:
    """Call a function, and return whether Google accepted the call."""
    try:
        act()
    except GoogleAPICallError:
        return False
    return True
