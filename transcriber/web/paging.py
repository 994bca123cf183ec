"""
Lists, a page at a time: `?limit=` and `?cursor=` in, `{"items": [...], "next_cursor": ...}` out.

A cursor is the key of the last item of a page. One more item than was asked for is read: it tells
whether there is another page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from pydantic import BaseModel, Field

__all__ = ["Items", "Page", "paged"]

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


class Page(BaseModel, extra="forbid"):
    """Which part of a list is wanted."""

    limit: int = Field(50, ge=1, le=200)
    cursor: str = Field("", max_length=200)


class Items(BaseModel, Generic[M]):
    """A part of a list; `next_cursor` is for the next part, if there is one."""

    items: list[M]
    next_cursor: str | None = None


def paged(
    rows: Sequence[T], limit: int, shown: Callable[[T], M], key: Callable[[T], object]
) -> Items[M]:
    """Make a page of rows, of which one more than `limit` was read."""
    more = str(key(rows[limit - 1])) if len(rows) > limit else None
    return Items(items=[shown(row) for row in rows[:limit]], next_cursor=more)
