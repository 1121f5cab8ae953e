"""BigQuery, Cloud Storage and Vertex AI on one machine, spoken to by Google's own clients."""

__version__ = "0.1.0"
