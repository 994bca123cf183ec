"""How much a subscriber's way can carry."""

from transcriber.rtc.sfu.estimate import LEAST, MOST, PAUSE, START, Estimate


def test_without_loss_the_estimate_rises_and_a_little_loss_holds_it() -> None:
    estimate = Estimate()
    estimate.lost(0.0, 0.0)
    assert estimate.bits == START * 1.05
    estimate.lost(0.0, 0.1)
    estimate.lost(0.05, 1.0)
    assert estimate.bits == START * 1.05


def test_much_loss_lowers_it_once_in_a_while() -> None:
    estimate = Estimate()
    estimate.lost(0.5, 0.0)
    estimate.lost(0.5, PAUSE / 2)
    assert estimate.bits == START * 3 // 4
    for turn in range(1, 60):
        estimate.lost(1.0, float(turn))
    assert estimate.bits == LEAST


def test_it_does_not_rise_for_ever() -> None:
    estimate = Estimate()
    for turn in range(200):
        estimate.lost(0.0, float(turn))
    assert estimate.bits == MOST


def test_feedback_is_gathered_until_it_is_time() -> None:
    estimate = Estimate()
    estimate.arrived([1.0, None], 0.0)
    estimate.arrived([], 1.0)
    estimate.arrived([None], 1.1)
    assert estimate.bits == START * 3 // 8
    estimate.arrived([1.0] * 100, 1.2)
    assert estimate.bits == START * 3 // 8
    estimate.arrived([1.0] * 100, 2.0)
    assert estimate.bits == int(START * 3 / 8 * 1.05)


def test_the_receivers_own_estimate_is_believed() -> None:
    estimate = Estimate()
    estimate.told(123_456)
    estimate.lost(0.5, 1.0)
    assert estimate.bits == 123_456
    estimate.told(1 << 40)
    assert estimate.bits == MOST
