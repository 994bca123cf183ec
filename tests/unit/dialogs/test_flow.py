"""A flow as values."""

from dialogs.flow import Action, State, Transition


def test_a_states_actions_are_those_on_entering_and_those_on_leaving() -> None:
    leaving = Transition("speech", "b", actions=(Action("hangup"),))
    state = State("a", on_enter=(Action("collect"),), transitions=(leaving,))
    assert [action.type for action in state.actions] == ["collect", "hangup"]
