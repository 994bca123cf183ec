"""Translators of what is said, one provider a file."""
