"""A localcloud for tests. :mod:`localcloud.testing.plugin` has the fixtures; the rest needs no pytest."""

from localcloud.testing.cloud import Cloud, CloudError, free_port
from localcloud.testing.eventually import eventually
from localcloud.testing.mail_sink import MailSink
from localcloud.testing.sample_model import SampleModel, export_sample_model, upload_sample_model
from localcloud.testing.shared_folders import MakeOnce

__all__ = [
    "Cloud",
    "CloudError",
    "MailSink",
    "MakeOnce",
    "SampleModel",
    "eventually",
    "export_sample_model",
    "free_port",
    "upload_sample_model",
]
