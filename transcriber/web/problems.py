"""
Errors as answers: RFC 9457, the same form everywhere.

`type` is a stable word, `detail` says what, where and what to do, `errors` names the fields. There
is never a stack trace in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, ValidationError

from transcriber.errors import (
    BadInput,
    EngineError,
    Misconfigured,
    NotAllowed,
    NotFound,
    Overloaded,
    TranscriberError,
)
from transcriber.store import Conflict, StoreFailed

__all__ = ["FieldError", "Problem", "ProblemError", "invalid", "of"]

REASONS = {status.value: status.phrase for status in HTTPStatus}
"""The words of the statuses that HTTP knows; Talk has one of its own."""
STATUS: dict[type[TranscriberError], int] = {
    BadInput: 400,
    NotAllowed: 403,
    NotFound: 404,
    Misconfigured: 503,
    EngineError: 503,
    Overloaded: 503,
    StoreFailed: 503,
    Conflict: 409,
}
"""What the application's errors are over HTTP."""


class FieldError(BaseModel):
    """What is wrong with one field."""

    loc: list[str | int]
    msg: str


class Problem(BaseModel):
    """The body of an error."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []
    request_id: str = ""


class ProblemError(Exception):
    """Ends a request with an error; `retry_after` tells the caller when to come back."""

    headers: Mapping[str, str] = {}
    """What the answer says besides."""

    def __init__(
        self,
        status: int,
        type_: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        if retry_after is not None:
            self.headers = {"Retry-After": str(retry_after)}
        elif status == HTTPStatus.UNAUTHORIZED:
            self.headers = {"WWW-Authenticate": "Bearer"}
        self.problem = Problem(
            type=type_,
            title=REASONS.get(status, "Failed"),
            status=status,
            detail=detail,
            errors=list(errors),
        )


def invalid(error: ValidationError, where: str = "the body") -> ProblemError:
    """The error for a body, or another part of a request, whose fields are wrong."""
    fields = [
        FieldError(loc=list(wrong["loc"]), msg=wrong["msg"])
        for wrong in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    names = ", ".join(".".join(map(str, field.loc)) or "all of it" for field in fields[:5])
    slug = f"invalid-{where.removeprefix('the ')}"
    return ProblemError(422, slug, f"{where} is not valid: {names}", errors=fields)


def of(error: Exception) -> ProblemError:
    """The error for whatever was raised; what nobody foresaw says nothing of itself."""
    match error:
        case ProblemError():
            return error
        case TranscriberError():
            return _of_ours(error)
        case web.HTTPException():
            return _of_http(error)
    return ProblemError(500, "internal", "something went wrong; it has been logged")


def _of_http(error: web.HTTPException) -> ProblemError:
    """The error for what aiohttp itself refuses: no such path, wrong method, body too large."""
    problem = ProblemError(error.status, error.reason.lower().replace(" ", "-"), error.reason)
    if allow := error.headers.get("Allow"):
        problem.headers = {"Allow": allow}
    return problem


def _of_ours(error: TranscriberError) -> ProblemError:
    """The error for what the application refuses."""
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
    return ProblemError(status, error.code.replace("_", "-"), str(error))
