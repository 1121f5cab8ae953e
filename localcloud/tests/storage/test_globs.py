from __future__ import annotations

import pytest

from localcloud.errors import ApiError
from localcloud.storage.globs import LONGEST_GLOB, Glob


@pytest.mark.parametrize(
    ("glob", "fitting", "others"),
    [
        ("", [""], ["a"]),
        ("a", ["a"], ["", "b", "aa"]),
        ("*", ["", "a", "ab.c"], ["a/", "a/b", "/"]),
        ("**", ["", "a", "a/b", "/"], []),
        ("?", ["a", "ü"], ["", "/", "ab"]),
        ("a*c", ["ac", "abc", "acbc"], ["a/c", "abcd", "bac"]),
        ("**/b", ["b", "a/b", "a/c/b", "/b"], ["ab", "b/", "a/bb"]),
        ("a/**/b", ["a/b", "a/c/b", "a/c/d/b"], ["ab", "a/cb"]),
        ("a**b", ["ab", "a/b", "a/c/b"], ["a", "a/b/c"]),
        ("[abc]x", ["ax", "bx", "cx"], ["dx", "x"]),
        ("[a-c]x", ["ax", "bx"], ["dx", "-x"]),
        ("[!a-c]x", ["dx"], ["ax", "/x"]),
        ("[^a]x", ["bx"], ["ax"]),
        ("{one,two}", ["one", "two"], ["three", "one,two", "onetwo"]),
        ("{a,b{c,d*}}e", ["ae", "bce", "bdxe"], ["be", "bd/e"]),
        ("{a,}b", ["ab", "b"], ["aab"]),
        ("a,b", ["a,b"], ["a"]),
        (r"\*", ["*"], ["a", r"\a"]),
        ("*a*b*c*", ["abc", "xaxbxcx", "aabbcc"], ["acb", "a/bc"]),
    ],
)
def test_a_glob_fits_whole_names(glob, fitting, others):
    pattern = Glob(glob)

    assert [name for name in fitting if not pattern.matches(name)] == []
    assert [name for name in others if pattern.matches(name)] == []


@pytest.mark.parametrize("glob", ["{a", "a}", "{a,{b}", "x" * (LONGEST_GLOB + 1), "{" * 500 + "}" * 500])
def test_a_glob_that_makes_no_sense_is_refused(glob):
    with pytest.raises(ApiError, match="Invalid matchGlob"):
        Glob(glob)


@pytest.mark.parametrize(
    ("glob", "name"),
    [
        ("**/" * 60 + "x", "a/" * 500),
        ("*a" * 500 + "b", "a" * 1000),
        ("**a" * 340, "a" * 339),
        ("{*a,*b}" * 140 + "c", "ab" * 500),
        ("{a,aa,a*}" * 100, "a" * 1000 + "/"),
    ],
)
@pytest.mark.timeout(20)
def test_no_glob_takes_long(glob, name):
    assert not Glob(glob).matches(name)
