"""The demos of the whole workflow, and their helpers."""
