"""Nextcloud Talk for tests: its servers for signaling and media, and a stand-in for Nextcloud."""
