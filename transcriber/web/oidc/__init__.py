"""Callers whom an identity provider knows (OpenID Connect): they show its signed tokens."""
