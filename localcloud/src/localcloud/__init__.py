"""BigQuery, Cloud Storage and Vertex AI on one machine, for Google's own clients."""

__version__ = "0.1.0"
