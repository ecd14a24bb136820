"""Parameters of a request: names in any case, values that must agree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vo_service.dali.errors import InvalidParameter, MissingParameter
from vo_service.dali.params import Parameters


def test_names_match_in_any_case():
    parameters = Parameters({"mAxReC": ["5"]})
    assert parameters.single("MAXREC") == parameters.single("maxrec") == "5"
    assert "Maxrec" in parameters
    assert "QUERY" not in parameters


def test_query_string_and_form_are_read_together():
    parameters = Parameters({"lang": ["ADQL"], "UPLOAD": ["a,param:a"]}, {"Upload": ["b,param:b"]})
    assert parameters.all("upload") == ("a,param:a", "b,param:b")
    assert parameters.single("LANG") == "ADQL"
    assert parameters.names == ("LANG", "UPLOAD")


def test_a_value_may_be_one_string():
    assert Parameters({"QUERY": "SELECT 1"}).single("query") == "SELECT 1"


def test_the_same_value_twice_is_one_value():
    assert Parameters({"LANG": ["ADQL"]}, {"lang": ["ADQL"]}).single("LANG") == "ADQL"


def test_different_values_are_refused_and_named():
    with pytest.raises(InvalidParameter) as caught:
        Parameters({"maxrec": ["1", "2"]}).single("maxrec")
    assert caught.value.parameter == "MAXREC"
    message = "MAXREC=1 and 2 is not valid: it was given more than once: give it once"
    assert str(caught.value) == message


def test_empty_fields_of_a_form_count_as_absent():
    parameters = Parameters({"MAXREC": ["", " "], "LANG": ["", "ADQL"]})
    assert parameters.single("MAXREC") is None
    assert "MAXREC" not in parameters
    assert parameters.single("LANG") == "ADQL"


def test_a_required_parameter_is_asked_for_in_words():
    with pytest.raises(MissingParameter, match=r"^QUERY is missing: give the text$") as caught:
        Parameters().required("query", "give the text")
    assert (caught.value.value, caught.value.advice) == (None, "give the text")


def test_values_keep_their_case_and_spaces():
    assert Parameters({"q": [" SELECT 'Ab' "]}).required("Q", "x") == " SELECT 'Ab' "


@given(
    st.lists(st.tuples(st.text("abAB", min_size=1), st.lists(st.text("xy ", max_size=3)))),
)
def test_no_value_is_lost_and_none_invented(pairs):
    sources = [{name: values} for name, values in pairs]
    parameters = Parameters(*sources)
    for name in {name for name, _ in pairs}:
        expected = [
            value
            for other, values in pairs
            for value in values
            if other.upper() == name.upper() and value.strip()
        ]
        assert list(parameters.all(name.swapcase())) == expected
