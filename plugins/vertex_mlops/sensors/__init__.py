"""Sensors that wait for Vertex AI without a worker slot."""
