"""Which entry of a manifest means which file: the same answer in whatever order files come."""

from hypothesis import given
from hypothesis import strategies as st

from shared.manifests import Match, matches

FOLDERS = st.lists(st.sampled_from(["lot.zip", "day 1", "day 2"]), max_size=2)
NAMES = st.builds(lambda folders, name: "/".join([*folders, name]), FOLDERS, st.sampled_from(["a.tif", "b.tif"]))


def matched(entries: list[str], *names: str) -> dict[str, Match]:
    return matches(dict.fromkeys(entries, Match()), names)


def test_a_file_is_meant_by_its_whole_name_or_by_the_end_of_it() -> None:
    assert matched(["day 1/a.tif"], "day 1/a.tif") == {"day 1/a.tif": Match("day 1/a.tif")}
    assert matched(["day 1/a.tif"], "lot.zip/day 1/a.tif") == {"day 1/a.tif": Match("lot.zip/day 1/a.tif")}
    assert matched(["a.tif", "A.TIF", "day 1/a.tif", "1/a.tif"], "xa.tif", "day 11/b.tif") == {}


def test_the_end_of_two_names_means_neither_of_them() -> None:
    assert matched(["a.tif"], "day 1/a.tif", "day 2/a.tif") == {"a.tif": Match(None, is_ambiguous=True)}


def test_a_whole_name_counts_before_the_ends_of_others() -> None:
    for names in (("x/a.tif", "y/a.tif", "a.tif"), ("a.tif", "x/a.tif", "y/a.tif")):
        assert matched(["a.tif"], *names) == {"a.tif": Match("a.tif")}


def test_a_file_belongs_to_the_entry_that_names_most_of_it() -> None:
    found = matched(["a.tif", "day 1/a.tif"], "x/day 1/a.tif", "x/day 2/a.tif")
    assert found == {"day 1/a.tif": Match("x/day 1/a.tif"), "a.tif": Match("x/day 2/a.tif")}


@given(st.lists(NAMES, unique=True), st.lists(NAMES), st.randoms(use_true_random=False), st.integers(0, 9))
def test_order_portions_and_repetition_of_the_files_change_nothing(entries: list[str], names: list[str], random, cut) -> None:  # type: ignore[no-untyped-def]
    wanted = matched(entries, *names)
    shuffled = [*names, *names]
    random.shuffle(shuffled)
    first = dict.fromkeys(entries, Match()) | matched(entries, *shuffled[:cut])
    assert first | matches(first, shuffled[cut:]) == dict.fromkeys(entries, Match()) | wanted
    meant = [match.source_name for match in wanted.values() if match.source_name]
    assert len(meant) == len(set(meant)), "no file belongs to two entries"
