"""Rollout of a model on an endpoint: settings, traffic splits, probes, metrics."""
