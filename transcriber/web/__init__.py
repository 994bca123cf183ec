"""The HTTP side: one table of routes, and a server that applies the same rules to all of them."""
