"""The application: it puts us into calls, turns audio into words, and tells everybody."""
