"""How the app is described to Nextcloud."""
