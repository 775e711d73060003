"""What the members of an archive are called: laws for every name, and the reasons of refusals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.archive_names import is_any_archive, is_archive, member_name, shown_member_name
from shared.errors import InputError
from shared.image_names import MAX_NAME_BYTES, clean_name

# Names as they come, and names out of the pieces that attacks are made of.
PIECES = st.sampled_from(
    ["..", ".", "", "a", "日本語", "C:", "c:", " ..", ".. ", "/", "\\", "\0", "\n", "\u202e", "\ud800", "x" * 300]
)
NAMES = st.text() | st.lists(PIECES, max_size=12).map("/".join) | st.lists(PIECES, max_size=12).map("".join)


def accepted(name: str) -> str | InputError:
    try:
        return member_name("lot 7.zip", name)
    except InputError as error:
        return error


@given(NAMES)
def test_a_name_is_refused_or_safe_below_the_archive(name: str) -> None:
    found = accepted(name)
    if isinstance(found, InputError):
        assert found.code in {"unsafe_member_name", "invalid_name"}
        assert "\0" not in found.message
        assert found.message.encode()
        return
    head, *parts = found.split("/")
    assert head == "lot 7.zip"
    assert parts
    assert not {"", ".", ".."} & set(parts)
    assert not set("\\\0\n\r\x7f") & set(found)
    assert len(found.encode()) <= MAX_NAME_BYTES
    assert clean_name(found) == found


@given(NAMES, st.integers(1, 20_000))
def test_a_refused_name_can_be_shown_whatever_it_is(name: str, number: int) -> None:
    shown = shown_member_name("lot 7.zip", name, number)
    assert shown.startswith("lot 7.zip/")
    assert clean_name(shown) == shown
    assert len(shown.encode()) <= MAX_NAME_BYTES


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("/etc/a.tif", "absolute"),
        ("C:/a.tif", "absolute"),
        ("c:a.tif", "absolute"),
        ("../a.tif", "lead out"),
        ("lot/../../a.tif", "lead out"),
        ("lot/ .. /a.tif", "lead out"),
        ("lot\\a.tif", "backslash"),
        ("a.tif\0.png", "control"),
        ("a\n.tif", "control"),
        ("\ud800.tif", "control"),
        ("", "no name"),
        ("./..", "no name"),
    ],
)
def test_the_reason_of_a_refusal_is_named(name: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        member_name("a.zip", name)
    assert caught.value.code == "unsafe_member_name"


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("a.tif", "a.zip/a.tif"),
        ("./lot//1/a.tif", "a.zip/lot/1/a.tif"),
        ("日本語 1.tif", "a.zip/日本語 1.tif"),
        ("a..b.tif", "a.zip/a..b.tif"),
    ],
)
def test_an_honest_name_keeps_its_folders(name: str, cleaned: str) -> None:
    assert member_name("a.zip", name) == cleaned


def test_archives_are_told_by_their_endings() -> None:
    for name in ("a.zip", "A.ZIP", "lot/a.tar", "a.tar.gz", "a.tgz", "a.tar.xz"):
        assert is_archive(name)
    for name in ("a.tif", "zip", "a.gz", "a.7z", "a.tar.zst", "a.zip.tif"):
        assert not is_archive(name)
    assert is_any_archive("a.7z")
    assert is_any_archive("a.tar.zst")
