"""The probes, by the service that they test."""
