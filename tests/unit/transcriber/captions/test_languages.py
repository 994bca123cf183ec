"""Languages as people see them."""

from transcriber.captions.languages import NAMES, language


def test_a_language_has_its_own_name() -> None:
    assert language("fr").name == "Français"
    assert language("pt-BR").name == "Português"


def test_an_unknown_language_is_still_one() -> None:
    assert (language("tlh").name, language("tlh").separator) == ("tlh", " ")


def test_direction_and_spaces_are_known() -> None:
    assert language("he").rtl
    assert not language("en").rtl
    assert language("ja").separator == ""


def test_no_language_lacks_a_name() -> None:
    assert all(NAMES.values())
