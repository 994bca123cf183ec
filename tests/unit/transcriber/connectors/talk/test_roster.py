"""Who is in the room, whatever the order in which it is told."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hpb.events import (
    Changed,
    Entered,
    Event,
    Flags,
    InCall,
    InCallAll,
    Joined,
    Left,
    Member,
    Offline,
    Participant,
    Unknown,
)
from transcriber.call import Person
from transcriber.connectors.talk.roster import REMEMBERED, TALKING, Change, Roster

ANN = Person("ann", "Ann")
NEW = Joined("bot", resumed=False)


def entered(*names: str, federated: bool = False) -> Entered:
    prefix = "federated|" if federated else ""
    return Entered(tuple(member(name, f"{prefix}nc-{name}") for name in names))


def member(session: str, nextcloud: str = "", name: str = "") -> Member:
    user = {"displayname": name or session.title()}
    return Member(sessionid=session, roomsessionid=nextcloud, user=user)


def in_call(*people: tuple[str, int], **more: Any) -> InCall:
    entries = [Participant(sessionId=who, inCall=flags, **more) for who, flags in people]
    return InCall("r", tuple(entries))


def after(*events: Event) -> Roster:
    roster = Roster()
    for event in (NEW, *events):
        roster.take(event)
    return roster


def test_whoever_is_in_the_call_with_audio_is_heard() -> None:
    roster = after(entered("ann", "bob"))
    assert roster.take(in_call(("ann", 3), ("bob", 1))) == Change(joined=(ANN,))
    assert roster.speakers == {"ann": ANN}
    assert roster.take(in_call(("bob", 7))) == Change(joined=(Person("bob", "Bob"),))


def test_the_order_of_names_and_flags_does_not_matter() -> None:
    roster = after(in_call(("ann", 3)))
    assert roster.speakers == {"ann": Person("ann")}
    assert roster.take(entered("ann")) == Change(joined=(ANN,))
    roster.take(in_call(("ann", 3)))
    assert roster.speakers == {"ann": ANN}


def test_absence_from_a_list_is_no_leave() -> None:
    roster = after(entered("ann", "bob"), in_call(("ann", 3)))
    assert roster.take(in_call(("bob", 3))).left == ()
    assert set(roster.speakers) == {"ann", "bob"}


def test_silence_leaving_the_call_and_leaving_the_room_end_it() -> None:
    for end in (in_call(("ann", 1)), in_call(("ann", 0)), Left(("ann",)), InCallAll("r", 0)):
        roster = after(entered("ann"), in_call(("ann", 3)))
        assert roster.take(end) == Change(left=("ann",))
        assert roster.take(end) == Change()
        assert roster.take(entered("ann")) == Change()


def test_the_last_entry_wins() -> None:
    roster = after(entered("ann"))
    roster.take(in_call(("ann", 3), ("ann", 0)))
    assert roster.speakers == {}
    roster.take(in_call(("ann", 0), ("ann", 3)))
    assert roster.speakers == {"ann": ANN}


def test_we_and_silent_bots_are_not_heard() -> None:
    roster = after(entered("bot"), in_call(("bot", 3)), in_call(("other", 1), internal=True))
    assert roster.speakers == {}
    assert roster.empty


def test_a_new_name_is_told() -> None:
    roster = after(entered("ann"), in_call(("ann", 3)))
    change = roster.take(Changed((member("ann", name="Anna"),)))
    assert change == Change(joined=(Person("ann", "Anna"),))
    assert roster.session("nc-ann") == "ann"


def test_a_telephone_is_heard_through_its_bridge() -> None:
    roster = after(in_call(("bridge", 3), internal=True))
    assert roster.speakers == {"bridge": Person("bridge")}
    roster.take(Entered((member("phone", name="+49 30 1"),)))
    change = roster.take(in_call(("phone", 9), virtual=True))
    assert change == Change(joined=(Person("phone", "+49 30 1"),), left=("bridge",))
    assert roster.speakers == {"bridge": Person("phone", "+49 30 1")}
    assert not roster.empty


def test_a_telephone_has_no_stream_of_its_own() -> None:
    assert after(in_call(("phone", 11), virtual=True)).speakers == {}


def test_of_several_telephones_behind_a_bridge_the_one_that_talks_is_heard() -> None:
    roster = after(
        in_call(("bridge", 3), internal=True), in_call(("p1", 9), ("p2", 9), virtual=True)
    )
    assert roster.speakers["bridge"].id == "p1"
    assert roster.take(Flags("p2", TALKING)).joined == (Person("p2"),)
    assert roster.take(Flags("p1", 1)) == Change()
    assert roster.take(Left(("p2",))) == Change(joined=(Person("p1"),), left=("p2",))


def test_several_bridges_have_a_telephone_each() -> None:
    roster = after(
        in_call(("b1", 3), ("b2", 3), internal=True), in_call(("p1", 9), ("p2", 9), virtual=True)
    )
    roster.take(Flags("p2", TALKING))
    assert {who: person.id for who, person in roster.speakers.items()} == {"b1": "p1", "b2": "p2"}


def test_readers_are_found_by_what_nextcloud_calls_them() -> None:
    roster = after(entered("ann"), entered("bob", federated=True))
    assert (roster.session("nc-ann"), roster.session("nc-bob")) == ("ann", "bob")
    assert roster.nextcloud("ann") == "nc-ann"
    assert roster.session("nc-cid") == ""


def test_a_reader_who_reconnects_is_found_in_his_new_place() -> None:
    roster = after(entered("ann"), Entered((member("ann2", "nc-ann"),)))
    roster.take(Left(("ann", "stranger")))
    assert roster.session("nc-ann") == "ann2"
    roster.take(Left(("ann2",)))
    assert roster.session("nc-ann") == ""


def test_a_resumed_session_changes_nothing() -> None:
    roster = after(entered("ann"), in_call(("ann", 3)), Offline("cut", 1.0))
    assert roster.take(Joined("bot", resumed=True)) == Change()
    assert roster.speakers == {"ann": ANN}


def test_after_a_new_session_everything_is_learnt_anew() -> None:
    roster = after(entered("ann"), in_call(("ann", 3)))
    assert roster.take(Joined("bot2", resumed=False)) == Change(left=("ann",))
    assert roster.empty
    assert roster.session("nc-ann") == ""
    assert roster.current("ann") == "ann"
    roster.take(Entered((member("ann9", "nc-ann"),)))
    assert roster.current("ann") == "ann9"
    assert roster.current("ann9") == "ann9"
    assert roster.current("stranger") == "stranger"


def test_what_is_remembered_is_bounded() -> None:
    names = [f"p{number}" for number in range(REMEMBERED + 1)]
    roster = after(entered(*names), NEW)
    assert roster.nextcloud("p0") == ""
    assert roster.nextcloud("p1") == "nc-p1"


def test_who_has_left_is_gone_until_they_come_again() -> None:
    roster = after(entered("ann"), Left(("ann",)), NEW)
    assert roster.gone("nc-ann")
    roster.take(Entered((member("ann9", "nc-ann"),)))
    assert not roster.gone("nc-ann")
    assert not roster.gone("nc-bob")


def test_who_has_left_is_not_remembered_for_ever() -> None:
    names = [f"p{number}" for number in range(REMEMBERED + 1)]
    roster = after(entered(*names), Left(tuple(names)))
    assert not roster.gone("nc-p0")
    assert roster.gone("nc-p1")


def test_what_says_nothing_of_people_changes_nothing() -> None:
    roster = after(entered("ann"), in_call(("ann", 3)))
    assert roster.take(Unknown("rubbish")) == Change()
    assert roster.speakers == {"ann": ANN}


def test_entries_that_name_nobody_are_passed_over() -> None:
    assert after(in_call(("", 3)), Entered((Member(),))).empty


SOMEBODY = st.sampled_from(["ann", "bob", "phone", "bot"])
EVENTS = st.one_of(
    st.builds(lambda who: entered(who), SOMEBODY),
    st.builds(lambda who: Left((who,)), SOMEBODY),
    st.builds(
        lambda who, flags, kind: in_call((who, flags), **{kind: True}),
        SOMEBODY,
        st.integers(0, 15),
        st.sampled_from(["internal", "virtual", "other"]),
    ),
    st.builds(lambda flags: InCallAll("r", flags), st.sampled_from([0, 3])),
    st.builds(lambda who: Flags(who, TALKING), SOMEBODY),
    st.builds(lambda resumed: Joined("bot", resumed=resumed), st.booleans()),
)


@given(st.lists(EVENTS, max_size=30))
def test_the_changes_add_up_to_who_is_heard(events: list[Event]) -> None:
    roster, heard = Roster(), dict[str, Person]()
    for event in (NEW, *events):
        change = roster.take(event)
        for gone in change.left:
            del heard[gone]
        heard |= {person.id: person for person in change.joined}
        assert heard == {person.id: person for person in roster.speakers.values()}
        assert "bot" not in roster.speakers


def test_whoever_is_known_to_nextcloud_is_known_by_an_account() -> None:
    ann = Member(sessionid="ann", userid="ann", user={"displayname": "Ann"})
    roster = after(Entered((ann,)), in_call(("ann", 3)))
    assert roster.speakers["ann"].account == "users/ann"
    roster = after(entered("bob"), in_call(("bob", 3), actorType="guests", actorId="1f"))
    assert roster.speakers["bob"].account == "guests/1f"
    roster.take(in_call(("bob", 7)))
    assert roster.speakers["bob"].account == "guests/1f", "a shorter entry takes nothing away"
