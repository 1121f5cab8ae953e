"""Airflow hooks, operators and links that keep a model on Vertex AI fresh."""

__version__ = "0.1.0"
