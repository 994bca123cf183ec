"""Which instance gets a room."""

from collections import Counter

from transcriber.session.shares import Instance, chosen

THREE = [Instance(name, most=1000) for name in "abc"]


def shares(instances: list[Instance]) -> dict[str, str]:
    return {f"{room}": chosen(f"{room}", instances) for room in range(900)}


def test_rooms_are_spread_evenly_and_the_same_everywhere() -> None:
    assert shares(THREE) == shares(THREE[::-1])
    assert all(count > 250 for count in Counter(shares(THREE).values()).values())


def test_the_rooms_of_one_that_dies_go_to_all_others() -> None:
    before, after = shares(THREE), shares(THREE[1:])
    moved = [room for room in before if before[room] != after[room]]
    assert {before[room] for room in moved} == {"a"}
    assert set(Counter(after[room] for room in moved)) == {"b", "c"}


def test_who_is_full_gets_none_unless_all_are() -> None:
    full, free = Instance("a", rooms=1, most=1), Instance("b", rooms=5, most=6)
    assert {chosen(f"{room}", [full, free]) for room in range(50)} == {"b"}
    assert chosen("r", [full]) == "a"
    assert chosen("r", []) == ""


def test_an_instance_can_be_kept() -> None:
    one = Instance("a", "http://a", 3, 10)
    assert Instance.of("a", one.value) == one
