"""Deploys DAGs, plugins, packages and compiled pipelines to a Composer environment."""
