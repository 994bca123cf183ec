"""
How the service says over HTTP that something is wrong: RFC 9457, with OpenAI's `error` object
beside it, because clients of that interface look there.
"""

from __future__ import annotations

import http
import json
import math

from aiohttp import web

__all__ = ["Problem", "problem"]


class Problem(web.Response, Exception):
    """An answer that can be returned or raised."""


def problem(status: int, detail: str, *, retry_after: float | None = None) -> Problem:
    """Make the answer for this status; `detail` says what is wrong and what to do."""
    title = http.HTTPStatus(status).phrase
    slug = title.lower().replace(" ", "-")
    body = {
        "type": f"urn:problem:{slug}",
        "title": title,
        "status": status,
        "detail": detail,
        "error": {"message": detail, "type": slug, "code": slug},
    }
    answer = Problem(text=json.dumps(body), status=status, content_type="application/problem+json")
    if retry_after is not None:
        answer.headers["Retry-After"] = str(math.ceil(retry_after))
    if status == http.HTTPStatus.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer
