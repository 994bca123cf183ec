"""Tokens for programs that call us: made, listed and revoked, over HTTP and on the command line."""

from transcriber.web.tokens.book import Kept, TokenBook
from transcriber.web.tokens.rest import TokenApi

__all__ = ["Kept", "TokenApi", "TokenBook"]
