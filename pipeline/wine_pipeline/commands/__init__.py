"""The commands of ``python -m wine_pipeline``."""
