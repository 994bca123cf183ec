"""Voices: one file each, and the interface they share in `base`."""
