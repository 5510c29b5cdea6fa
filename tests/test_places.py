"""Where in the list the videos that are waited for should be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from heygen_async._places import Places
from heygen_async._policies import PollPolicy
from heygen_async._protocol.looks import VideoPage
from heygen_async._protocol.worth import NOWHERE, SEATS
from heygen_async._watches import Watch

LATER = 1000.0


def watch(number: int, born: float = 0.0) -> Watch:
    return Watch(id=f"v{number}", wire="v3", policy=PollPolicy(), born=born, may_switch=False, alone=False)


def on_newest_page(count: int) -> tuple[Places, list[Watch]]:
    places, watches = Places(), [watch(number) for number in range(count)]
    for one in watches:
        places.put(one, None)
    return places, watches


def page(after: str | None) -> VideoPage:
    return VideoPage(videos=(), next_token=after)


def test_who_is_not_on_the_page_is_looked_for_on_the_next_one() -> None:
    places, (first, second, third) = on_newest_page(3)
    places.saw(None, page("t1"), [second], LATER)
    assert [one.page for one in (first, second, third)] == ["t1", None, "t1"]
    places.saw("t1", page("t2"), [first], LATER)
    assert [one.page for one in (first, second, third)] == ["t1", None, "t2"]


def test_two_pages_without_any_end_the_search() -> None:
    places, (lost, found) = on_newest_page(2)
    places.saw(None, page("t1"), [found], LATER)
    places.saw("t1", page("t2"), [], LATER)
    assert lost.page == "t2"
    places.saw("t2", page("t3"), [], LATER)
    assert lost.page == NOWHERE
    assert found.page is None


def test_only_barren_pages_in_a_row_end_the_search() -> None:
    """Where another client submits in between, whole pages are its."""
    places, (first, second, third) = on_newest_page(3)
    places.saw(None, page("t1"), [], LATER)
    places.saw("t1", page("t2"), [first], LATER)
    places.saw("t2", page("t3"), [], LATER)
    assert [one.page for one in (second, third)] == ["t3", "t3"]


def test_the_end_of_the_list_ends_the_search_but_for_videos_that_may_not_be_visible_yet() -> None:
    places, (old, seen) = on_newest_page(2)
    young = watch(9, born=LATER - 1)
    places.put(young, None)
    places.saw(None, page(None), [seen], LATER)
    assert (old.page, seen.page, young.page) == (NOWHERE, None, None)


def test_groups_that_meet_are_one_and_are_as_patient_as_the_more_patient_of_the_two() -> None:
    places, watches = on_newest_page(5)
    places.saw(None, page("t1"), [], LATER)
    late = watch(9)
    places.put(late, "t2")
    places.saw("t1", page("t2"), [watches[0]], LATER)
    assert {one.page for one in [*watches[1:], late]} == {"t2"}
    assert places.count("t2") == 5
    places.saw("t2", page("t3"), [], LATER)
    assert {one.page for one in [*watches[1:], late]} == {"t3"}


def test_a_video_that_is_waited_for_again_is_where_it_was() -> None:
    places, (one, _) = on_newest_page(2)
    places.put(one, "t7")
    places.leave(one)
    assert one.page == NOWHERE
    assert places.count("t7") == 0
    places.come_back(one)
    assert one.page == "t7"
    places.drop(one)
    places.come_back(one)
    assert one.page == NOWHERE


def test_a_page_is_wanted_until_it_has_been_asked_for() -> None:
    places, _ = on_newest_page(2)
    assert places.is_wanted(None, since=5)
    places.ask(None, 4)
    assert places.is_wanted(None, since=5)
    places.ask(None, 6)
    assert not places.is_wanted(None, since=5)
    places.saw(None, page("t1"), [watch(8)], LATER)
    assert not places.is_wanted(None, since=5)
    assert places.is_wanted("t1", since=5)
    assert not places.is_wanted("t2", since=5)


def test_a_page_that_was_given_up_is_wanted_again() -> None:
    places, (first, second) = on_newest_page(2)
    first.finished = second.finished = True
    places.ask(None, 6)
    places.gave_up(None)
    assert places.is_wanted(None, since=5)
    assert places.is_sought(None, since=5)


def test_a_crowd_is_led_by_one_reader() -> None:
    places, watches = on_newest_page(SEATS + 1)
    assert places.is_crowded(None)
    places.ask(None, 1)
    assert not places.is_wanted(None, since=5)
    places.answered(None)
    assert places.is_wanted(None, since=5)
    places.drop(watches[0])
    places.ask(None, 1)
    assert not places.is_crowded(None)
    assert places.is_wanted(None, since=5)


def test_a_page_is_sought_by_two_that_have_ended() -> None:
    places, (first, second) = on_newest_page(2)
    first.finished = True
    assert not places.is_sought(None, since=5)
    second.finished = True
    assert places.is_sought(None, since=5)
    assert not places.is_sought("t1", since=5)
    places.ask(None, 1)
    assert not places.is_sought(None, since=5)
    places.answered(None)
    assert places.is_sought(None, since=5)
    assert not places.is_sought(None, since=1)


TOKENS = st.sampled_from([None, "t1", "t2", "t3"])
STEPS = st.lists(st.tuples(st.sampled_from(["put", "leave", "back", "ask", "saw"]), TOKENS, st.integers(0, 5)))


@given(steps=STEPS, after=st.dictionaries(TOKENS, TOKENS))
def test_everybody_is_in_one_place_whatever_happens(steps: list[tuple[str, str | None, int]], after: dict) -> None:
    """Lists that go in circles, groups that meet, waiters that come and go: no place is empty, none has a stranger."""
    places, watches = Places(), [watch(number, born=LATER * (number % 2)) for number in range(6)]
    for now, (step, token, number) in enumerate(steps):
        one = watches[number]
        if step == "put":
            places.put(one, token)
        elif step == "leave" and one.place is not None:
            places.leave(one)
        elif step == "back":
            places.come_back(one)
        elif step == "ask":
            places.ask(token, now)
        elif step == "saw":
            places.saw(token, page(after.get(token)), [other for other in watches[:number] if other.place], LATER)
        for key, place in places._by_token.items():
            assert place.token == key
            assert place.watches
            assert all(other.place is place for other in place.watches)
        for other in watches:
            assert other.page == NOWHERE or places._by_token[other.page] is other.place
