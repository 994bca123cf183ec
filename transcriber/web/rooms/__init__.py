"""Built-in rooms over HTTP: making them, letting people in, and speaking with those who are in."""
