"""Which look is worth its request."""

from __future__ import annotations

import math

import pytest

from heygen_async._protocol.worth import NOWHERE, Look, Prospect, cover, looks_at, requests_after, worthwhile


def prospects(
    number: int,
    *,
    lost: float = 0.0,
    chance: float = 0.0,
    page: str | None = NOWHERE,
    name: str = "v",
    growth: float = 0.0,
) -> list[Prospect[str]]:
    return [Prospect(f"{name}{n}", page, chance, lost, chance, growth) for n in range(number)]


def keys(look: Look[str]) -> set[str]:
    return {prospect.key for prospect in look.prospects}


def test_a_look_is_worth_while_once_it_ends_enough_waiting() -> None:
    """Counted in requests: 0.9 are not enough, 1.1 are."""
    assert worthwhile(prospects(9, lost=0.1), pages_pay=False) == []
    (look,) = worthwhile(prospects(11, lost=0.1), pages_pay=False)
    assert look.page == NOWHERE
    assert len(look.prospects) == 11
    assert worthwhile([], pages_pay=True) == []


def test_a_bulk_look_takes_the_hundred_that_lose_most() -> None:
    """The others wait for another one, if that is worth while too."""
    some = [*prospects(150, lost=0.001, name="idle"), *prospects(100, lost=0.02, name="busy")]
    (look,) = worthwhile(some, pages_pay=False)
    assert keys(look) == {f"busy{n}" for n in range(100)}
    both = worthwhile([*some, *prospects(100, lost=0.011, name="also")], pages_pay=False)
    assert [len(look.prospects) for look in both] == [100, 100]
    assert not keys(both[0]) & keys(both[1])


def test_pages_are_read_where_most_is_lost() -> None:
    """Each page for itself, and no video twice."""
    some = [
        *prospects(50, lost=0.04, chance=0.1, page="t1", name="a"),
        *prospects(50, lost=0.001, chance=0.1, page="t2", name="b"),
    ]
    (look,) = worthwhile(some, pages_pay=True)
    assert look.page == "t1"
    assert worthwhile(some, pages_pay=False)[0].page == NOWHERE


def test_a_page_cannot_hold_more_than_a_hundred() -> None:
    """Where 1,000 are supposed on the newest page, it tells of a tenth of them."""
    (newest,) = [look for look in looks_at(prospects(1000, lost=0.01, page=None), pages_pay=True) if look.page is None]
    assert newest.worth == pytest.approx(1)


def test_what_a_bulk_look_finds_costs_requests_too() -> None:
    """One per page that it finds something on, and one per video that is on none."""
    assert requests_after(prospects(10, chance=1.0, page="t")) == 1
    assert requests_after(prospects(10, chance=1.0)) == 10
    assert requests_after(prospects(2, chance=0.5, page="t")) == pytest.approx(0.75)
    bulk, page = looks_at(prospects(10, chance=1.0, lost=1.0, page="t"), pages_pay=True)
    assert bulk.cost == 2
    assert page.cost == 1


@pytest.mark.parametrize(
    ("lost", "rate", "growth", "seconds"),
    [(1.5, 0.1, 0.1, 0), (0.5, 0.1, 0.0, 5), (0.5, 0.0, 0.25, 2), (0.0, 1.0, 0.0, 1), (0.0, 0.0, 0.0, math.inf)],
)
def test_when_a_look_will_be_worth_while(lost: float, rate: float, growth: float, seconds: float) -> None:
    """Losses grow by their rate, and the rate grows as well."""
    look = Look(NOWHERE, [Prospect("v", NOWHERE, 0.0, lost, rate, growth)], 1.0)
    assert look.worth_in == pytest.approx(seconds)


def test_the_next_bulk_look_is_planned_by_what_will_be_lost() -> None:
    """Right after a look nobody has lost anything; those that end soon come first."""
    some = [*prospects(100, name="slow", growth=0.001), *prospects(100, name="soon", growth=0.01)]
    (look,) = looks_at(some, pages_pay=False, ahead=4)
    assert keys(look) == {f"soon{n}" for n in range(100)}


def test_what_is_due_is_covered_by_pages_or_in_bulk() -> None:
    """Whichever is fewer requests; a video on no known page needs a bulk look anyway."""
    on_one = prospects(60, page="t1", chance=0.01, name="a")
    on_two = [*on_one, *prospects(60, page="t2", chance=0.01, name="b")]
    assert [look.page for look in cover(on_one, pages_pay=True)] == ["t1"]
    assert [look.page for look in cover(on_one, pages_pay=False)] == [NOWHERE]
    assert [look.page for look in cover(on_two, pages_pay=True)] == ["t1", "t2"]
    assert [look.page for look in cover([*on_one, *prospects(1)], pages_pay=True)] == [NOWHERE]
    scattered = [prospect for n in range(10) for prospect in prospects(1, page=f"t{n}", name=f"s{n}-")]
    assert [look.page for look in cover(scattered, pages_pay=True)] == [NOWHERE]
    assert cover([], pages_pay=True) == []
