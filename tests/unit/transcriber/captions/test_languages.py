"""Languages as people see them."""

from transcriber.captions.languages import NAMES, language, same_language


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


def test_who_understands_a_language_understands_its_variants() -> None:
    assert same_language("de", "de-AT")
    assert same_language("pt_BR", "pt-PT")
    assert not same_language("de", "en")


def test_who_reads_one_script_need_not_read_another() -> None:
    assert not same_language("zh-Hans", "zh_Hant")
    assert same_language("zh", "zh-Hant")
