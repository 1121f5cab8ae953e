"""Airflow hooks, operators and links that keep a model on Vertex AI fresh."""
