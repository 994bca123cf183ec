"""Carries events to whoever asked for them."""
