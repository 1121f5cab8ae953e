"""Operators that check the data, train, verify and monitor a model on Vertex AI."""
