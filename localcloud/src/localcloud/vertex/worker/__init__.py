"""Processes of the pipeline environment, one per task and per deployed model, forked from a warm one."""
