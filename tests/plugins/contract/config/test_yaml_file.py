"""What a file of settings may be, and what it is told otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
from vertex_mlops.contract.config.yaml_file import SettingsFileError, read_settings

DECIMAL = "a number must be written in decimal digits"
QUOTE = "a key must be text"


def read(folder: Path, content: bytes) -> dict[str, object]:
    path = folder / "settings.yaml"
    path.write_bytes(content)
    return read_settings(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"# only a comment\n", "is empty"),
        (b"null", "is empty"),
        (b"- a\n- b\n", "must be a mapping, not a list"),
        (b"text", "must be a mapping, not 'text'"),
        (b"a: 1\n---\nb: 2\n", "is not YAML: line 2, column 1: found another document"),
        (b"a: [", "is not YAML: line 1, column 5: expected the node content, but found '<stream end>'"),
        (
            b"a: 1\n\tb: 2\n",
            "is not YAML: line 2, column 1: found character '\\t' that cannot start any token",
        ),
        (b"a: b: c\n", "is not YAML: line 1, column 5: mapping values are not allowed here"),
        (b"a: *b\n", "is not YAML: line 1, column 4: found undefined alias 'b'"),
        (b"a: 1\nb: \xff\n", "is not UTF-8: line 2: byte 0xff"),
        ("a: 1".encode("utf-16"), "is not UTF-8: line 1: byte 0xff"),
        (b"a: 1\nb: \x00\n", "is not YAML: line 2: character U+0000"),
        (b"a: " + b"[" * 5000, "is nested too deeply"),
        (b"a: 1\nb: 2\na: 3\n", "a: is a duplicate key, in lines 1 and 3"),
        (b"a: {b: 1, b: 2}\n", "a.b: is a duplicate key, in line 1"),
        (b"a:\n- {b: 1}\n- b: 1\n  b: 2\n", "a.1.b: is a duplicate key, in lines 3 and 4"),
        (b"a: &x {b: 1}\nc:\n  <<: *x\n  <<: *x\n", "c.'<<': is a duplicate key, in lines 3 and 4"),
        (b"a:\n  <<: [1]\n", "a.<<: must be a mapping to merge, not 1 (line 2)"),
        (b"a:\n  <<: b\n", "a.<<: must be a mapping to merge, not 'b' (line 2)"),
        (b"a: &x\n  b: *x\n", "a.b: an alias must not name what contains it (line 1)"),
        (b"a:\n  no: 1\n", f"a: {QUOTE}, not 'no'; put it in quotes (line 2)"),
        (b"1: a\n", f"{QUOTE}, not '1'; put it in quotes (line 1)"),
        (b"? [a]\n: 1\n", f"{QUOTE}, not a list or a mapping; put it in quotes (line 1)"),
        (b"a: 010\n", f"a: {DECIMAL}, not '010' (line 1)"),
        (b"a: 0x1F\n", f"a: {DECIMAL}, not '0x1F' (line 1)"),
        (b"a: 0b11\n", f"a: {DECIMAL}, not '0b11' (line 1)"),
        (b"a: 1_000\n", f"a: {DECIMAL}, not '1_000' (line 1)"),
        (b"a: 6:30\n", f"a: {DECIMAL}, not '6:30' (line 1)"),
        (b"a: 6:30.5\n", f"a: {DECIMAL}, not '6:30.5' (line 1)"),
        (b"a: 7_4.5\n", f"a: {DECIMAL}, not '7_4.5' (line 1)"),
        (b"a: !!float x\n", f"a: {DECIMAL}, not 'x' (line 1)"),
        (b"a: !!bool 7\n", "a: is tagged !!bool, but is '7' (line 1)"),
        (b"a: !!binary aGk=\n", "a: the tag !!binary is not supported (line 1)"),
        (b"a: !!set {b}\n", "a: the tag !!set is not supported (line 1)"),
        (
            b"a: !!python/object:os.system {}\n",
            "a: the tag !!python/object:os.system is not supported (line 1)",
        ),
        (b"a: !mine 1\n", "a: the tag !mine is not supported (line 1)"),
    ],
)
def test_a_file_is_refused_in_one_line(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(SettingsFileError) as refused:
        read(tmp_path, content)

    assert str(refused.value) == says


@pytest.mark.parametrize(("name", "says"), [("absent.yaml", "No such file"), ("", "Is a directory")])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(SettingsFileError, match=f"^cannot be read: {says}"):
        read_settings(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "settings"),
    [
        (b"\xef\xbb\xbfa: 1\r\nb: yes\r\n", {"a": 1, "b": True}),
        (b"a: -1.5\nb: 1.0e+3\nc: .5\n", {"a": -1.5, "b": 1000.0, "c": 0.5}),
        (b"a: .inf\nb: -.INF\n", {"a": float("inf"), "b": float("-inf")}),
        (b"a:\nb: ~\nc: ''\n", {"a": None, "b": None, "c": ""}),
        (b"a: 2026-11-30\nb: =\nc: 1e400\n", {"a": "2026-11-30", "b": "=", "c": "1e400"}),
        (b"a: &x [1, {b: 2}]\nc: *x\n", {"a": [1, {"b": 2}], "c": [1, {"b": 2}]}),
        # what the mapping has itself comes first, then the first one that is merged
        (
            b"x: &x {a: 1, b: 1, c: 1}\ny: &y {b: 2, c: 2, d: 2}\nz: {c: 3, <<: [*x, *y]}\n",
            {
                "x": {"a": 1, "b": 1, "c": 1},
                "y": {"b": 2, "c": 2, "d": 2},
                "z": {"a": 1, "b": 1, "c": 3, "d": 2},
            },
        ),
    ],
)
def test_a_file_is_read(tmp_path: Path, content: bytes, settings: dict[str, object]) -> None:
    assert read(tmp_path, content) == settings


def test_aliases_of_aliases_take_no_more_memory_than_the_file(tmp_path: Path) -> None:
    levels = [b"a0: &a0 [1, 1]"]
    levels += [b"a%d: &a%d [%s]" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 40)]

    read_ = read(tmp_path, b"\n".join(levels))

    assert isinstance(read_["a39"], list)
    assert all(item is read_["a38"] for item in read_["a39"])
