"""People as the server describes them."""

from hpb.events import Member, Participant


def test_a_member_has_a_name_and_nextclouds_session() -> None:
    member = Member.model_validate(
        {
            "sessionid": "<ann>",
            "userid": "ann",
            "user": {"displayname": "Ann"},
            "roomsessionid": "<nc-ann>",
        }
    )
    assert (member.session_id, member.user_id, member.name) == ("<ann>", "ann", "Ann")
    assert member.nextcloud_session_id == "<nc-ann>"


def test_a_bot_has_neither() -> None:
    member = Member.model_validate({"sessionid": "<bot>", "userid": ""})
    assert (member.name, member.nextcloud_session_id) == ("", "")


def test_people_from_another_nextcloud_are_found_by_their_own_session() -> None:
    member = Member.model_validate({"sessionid": "s", "roomsessionid": "federated|nc"})
    participant = Participant.model_validate({"nextcloudSessionId": "federated|nc"})
    assert member.nextcloud_session_id == participant.nextcloud_session_id == "nc"


def test_a_telephone_has_no_session_at_nextcloud() -> None:
    phone = Participant.model_validate({"inCall": 9, "sessionId": "<id-1>", "virtual": True})
    assert phone.virtual
    assert phone.nextcloud_session_id == ""


def test_only_who_is_in_the_call_with_audio_speaks() -> None:
    spoken = [
        Participant.model_validate({"inCall": flags}).speaks for flags in (0, 1, 2, 3, 7, True)
    ]
    assert spoken == [False, False, False, True, True, False]


def test_fields_of_later_versions_are_kept() -> None:
    participant = Participant.model_validate({"sessionId": "s", "mood": "sunny"})
    assert participant.model_extra == {"mood": "sunny"}
