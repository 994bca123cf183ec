"""Samples and nothing else: pure functions and small state, on numpy."""
