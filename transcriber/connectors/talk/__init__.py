"""Calls of Nextcloud Talk: the only place that speaks through its signaling server."""
