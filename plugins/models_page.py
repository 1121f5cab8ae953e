"""Registers the page of the models from the plugins folder; the wheel has an entry point for it."""

from vertex_mlops.page.plugin import ModelsPagePlugin

__all__ = ["ModelsPagePlugin"]
