"""Webhooks over HTTP: who is told of what, what came of it, and again."""

from transcriber.web.webhooks.rest import WebhookApi

__all__ = ["WebhookApi"]
