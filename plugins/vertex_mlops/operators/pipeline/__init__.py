"""Operators of Vertex AI pipeline jobs."""
