"""Which worker gets the next room."""

from transcriber.session.loads import Load, lightest, spare


def test_the_one_with_the_least_to_do_is_chosen() -> None:
    assert lightest([Load(0.5), Load(0.1), Load(0.3)]) == 1


def test_a_burst_is_spread_although_nobody_has_told_yet() -> None:
    loads = [Load(), Load(), Load()]
    for _ in range(9):
        place = lightest(loads)
        loads[place] = loads[place].with_another()
    assert [load.fresh for load in loads] == [3, 3, 3]


def test_one_that_takes_no_more_is_left_out_unless_none_does() -> None:
    assert lightest([Load(open=False), Load(0.9)]) == 1
    assert lightest([Load(0.9, open=False), Load(0.1, open=False)]) == 1


def test_who_is_open_and_not_full_takes_over_what_another_did() -> None:
    assert spare(Load(0.3), [Load(0.3), Load(open=False)])
    assert spare(Load(0.6), [Load(0.3), Load(0.4)])
    assert not spare(Load(0.6), [Load(0.3), Load(0.5)])
    assert spare(Load(0.3), [Load(0.1), Load(5.0)])
    assert not spare(Load(0.1), [Load(open=False)])
    assert not spare(Load(), [])
