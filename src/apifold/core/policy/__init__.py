"""Decisions that depend on nothing but their arguments and `now`."""
