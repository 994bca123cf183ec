"""
Holding what a model wants to send against the JSON Schema of a tool.

The part of JSON Schema that people write for tools; keywords beyond it are for the model to read.
What is found is worded for the model, which gets it back and can do better.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

__all__ = ["mistakes"]

KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


def mistakes(value: object, schema: object, where: str = "arguments") -> Iterator[str]:
    """List what is wrong with a value; nothing when it fits."""
    if not isinstance(schema, Mapping):
        return
    if not _is(value, schema.get("type")):
        yield f"{where} must be of type {schema['type']}"
        return
    choices = schema.get("enum")
    if isinstance(choices, list) and value not in choices:
        yield f"{where} must be one of {', '.join(map(str, choices))}"
    yield from _limits(value, schema, where)
    if isinstance(value, dict):
        yield from _members(value, schema, where)
    if isinstance(value, list):
        for place, item in enumerate(value):
            yield from mistakes(item, schema.get("items"), f"{where}[{place}]")


def _is(value: object, kind: object) -> bool:
    kinds = kind if isinstance(kind, list) else [kind]
    return any(_of(value, str(one)) for one in kinds)


def _of(value: object, kind: str) -> bool:
    if kind not in KINDS:
        return True
    return isinstance(value, KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _limits(value: object, schema: Mapping[str, object], where: str) -> Iterator[str]:
    size = len(value) if isinstance(value, str | list) else value
    if not isinstance(size, int | float) or isinstance(size, bool):
        return
    plain = not isinstance(value, str | list)
    least = ("minimum",) if plain else ("minLength", "minItems")
    most = ("maximum",) if plain else ("maxLength", "maxItems")
    for key in (*least, *most):
        limit = schema.get(key)
        if isinstance(limit, int | float) and (size < limit if key in least else size > limit):
            yield f"{where} breaks {key} {limit}"


def _members(
    value: Mapping[str, object], schema: Mapping[str, object], where: str
) -> Iterator[str]:
    required, known = schema.get("required"), schema.get("properties")
    for name in required if isinstance(required, list) else ():
        if name not in value:
            yield f"{where}.{name} is missing"
    properties = known if isinstance(known, Mapping) else {}
    for name, member in value.items():
        if name in properties:
            yield from mistakes(member, properties[name], f"{where}.{name}")
        elif schema.get("additionalProperties") is False:
            yield f"{where}.{name} is not known"
