"""Dialogs by flow files and by agents, for any host that offers a voice and somebody to talk to."""
