"""Processes of the pipeline environment: one per pipeline task, one per deployed model, forked from a warm one."""
