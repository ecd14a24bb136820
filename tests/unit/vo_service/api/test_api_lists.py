import pytest

from vo_service.api.errors import InvalidFields, NotFound
from vo_service.api.lists import Filter, ListRules, select
from vo_service.api.models.base import Answer


class Thing(Answer):
    id: int
    name: str
    note: str | None = None


THINGS = [Thing(id=n, name=f"thing {n}", note="Odd one" if n % 2 else None) for n in range(1, 251)]
RULES = ListRules(
    (
        Filter("id", "NumberFilter"),
        Filter("name"),
        Filter("kind", "NumberFilter", "id", (1, 2)),
        Filter("note__isnull", "BooleanFilter", "note", lookup="isnull"),
        Filter("words", field="name", lookup="words"),
        Filter("words__or", field="name", lookup="any_word"),
    ),
    ("name", "note"),
    ("id", "name", "note"),
)


def ids(**arguments):
    return [thing.id for thing in select(RULES, THINGS, arguments).results]


def test_everything_is_given_where_no_page_is_asked():
    page = select(RULES, THINGS, {})
    assert page.count == 250
    assert len(page.results) == 250


def test_pages_have_a_hundred_rows_unless_another_size_is_asked():
    assert ids(page="1") == list(range(1, 101))
    assert ids(page="3") == list(range(201, 251))
    assert ids(page_size="7") == list(range(1, 8))
    assert ids(page="2", page_size="200") == list(range(201, 251))
    assert len(ids(page_size="100000")) == 250


@pytest.mark.parametrize("page", ["4", "0", "-1", "last", "²", "9" * 40])
def test_page_that_does_not_exist_is_not_found(page):
    with pytest.raises(NotFound, match="Invalid page"):
        ids(page=page)


def test_first_page_of_nothing_is_empty():
    assert select(RULES, [], {"page": "1"}).results == []


def test_filters_and_words_thin_out():
    assert ids(id="7") == [7]
    assert ids(name="thing 9") == [9]
    assert ids(search="ODD thing 24") == [n for n in range(1, 251) if n % 2 and "24" in str(n)]
    assert ids(unknown="x", id="") == list(range(1, 251))


def test_filters_of_words_and_of_what_is_absent():
    assert ids(words="THING, 25") == [25, 125, 225, 250]
    assert ids(words__or="g 25,g 31") == [25, 31, 250]
    assert ids(words="25,no") == []
    assert ids(note__isnull="true", page_size="3") == [2, 4, 6]
    assert ids(note__isnull="0", page_size="3") == [1, 3, 5]


def test_order_turns_round_and_puts_nulls_together():
    assert ids(ordering="-id")[0] == 250
    assert ids(ordering="note")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"id": "abc"}, "id"),
        ({"id": "9" * 30}, "id"),
        ({"kind": "3"}, "kind"),
        ({"kind": "abc"}, "kind"),
        ({"ordering": "colour"}, "ordering"),
        ({"page_size": "0"}, "page_size"),
        ({"page_size": "many"}, "page_size"),
    ],
)
def test_values_that_cannot_be_are_refused_by_name(arguments, field):
    with pytest.raises(InvalidFields) as caught:
        select(RULES, THINGS, arguments)
    assert list(caught.value.document) == [field]


def test_choices_are_refused_in_the_words_of_the_contract():
    with pytest.raises(InvalidFields) as caught:
        select(RULES, THINGS, {"kind": "abc"})
    sentence = "Select a valid choice. abc is not one of the available choices."
    assert caught.value.document == {"kind": [sentence]}


def test_description_has_what_the_client_reads():
    names = ["id", "name", "kind", "note__isnull", "words", "words__or"]
    assert RULES.options()["filterset"] == names
    classes = ListRules(RULES.filters, classes=True).options()
    assert classes["filter_classes"][2] == {
        "name": "kind", "type": "NumberFilter", "choices": [1, 2]
    }  # fmt: skip
    assert "search" not in classes
