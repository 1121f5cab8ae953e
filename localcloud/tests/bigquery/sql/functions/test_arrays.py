"""Arrays: https://cloud.google.com/bigquery/docs/reference/standard-sql/arrays."""

from __future__ import annotations

import pytest

from localcloud.errors import ApiError


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (
            "GENERATE_DATE_ARRAY('2016-01-31', '2016-04-30', INTERVAL 1 MONTH)",
            ["2016-01-31", "2016-02-29", "2016-03-31", "2016-04-30"],
        ),
        ("GENERATE_DATE_ARRAY('2016-03-31', '2016-01-01', INTERVAL -1 QUARTER)", ["2016-03-31"]),
        ("GENERATE_DATE_ARRAY('2020-01-02', '2020-01-01')", []),
        ("[1, 2][OFFSET(0)]", "1"),
        ("[1, 2][ORDINAL(2)]", "2"),
        ("[1, 2][1]", "2"),
        ("[1, 2][SAFE_OFFSET(2)]", None),
        ("[1, 2][SAFE_OFFSET(-1)]", None),
        ("[1, 2][SAFE_ORDINAL(0)]", None),
        ("[1, 2][SAFE_ORDINAL(2)]", "2"),
        ("SPLIT('a-b', '-')[OFFSET(1)]", "b"),
        ("ARRAY_LENGTH([1, 2])", "2"),
        ("ARRAY_CONCAT([1], [2], [3])", ["1", "2", "3"]),
        ("ARRAY_CONCAT([1], CAST(NULL AS ARRAY<INT64>))", []),
        ("ARRAY_REVERSE([1, 2])", ["2", "1"]),
        ("ARRAY_TO_STRING(['a', NULL, 'b'], ',')", "a,b"),
        ("ARRAY_TO_STRING(['a', NULL], ',', 'none')", "a,none"),
        ("GENERATE_ARRAY(1, 3)", ["1", "2", "3"]),
        ("GENERATE_ARRAY(10, 0, -5)", ["10", "5", "0"]),
        ("GENERATE_DATE_ARRAY('2024-01-30', '2024-02-01')", ["2024-01-30", "2024-01-31", "2024-02-01"]),
        ("ARRAY(SELECT y FROM UNNEST([4, 3]) AS y ORDER BY y)", ["3", "4"]),
        ("3 IN UNNEST([1, 2])", "false"),
    ],
)
def test_an_array_and_its_elements(answer, expression: str, value: object) -> None:
    assert answer(f"SELECT {expression}") == [value]


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("GENERATE_DATE_ARRAY('2020-01-01', '2020-02-01', INTERVAL 0 MONTH)", "Sequence step cannot be 0"),
        ("[1, 2][OFFSET(2)]", "Array index 2 is out of bounds"),
        ("[1, 2][OFFSET(-1)]", "Array index -1 is out of bounds"),
        ("[1, 2][ORDINAL(0)]", "Array index 0 is out of bounds"),
        ("[1, 2][ORDINAL(3)]", "Array index 3 is out of bounds"),
        ("GENERATE_ARRAY(1, 2, 0)", "Sequence step cannot be 0"),
    ],
)
def test_what_lies_outside_is_an_error(answer, expression: str, complaint: str) -> None:
    with pytest.raises(ApiError, match=complaint):
        answer(f"SELECT {expression}")


LISTS = "(SELECT 1 AS k, ['a', 'b'] AS list UNION ALL SELECT 2, CAST([] AS ARRAY<STRING>)) AS t"


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT x, o FROM UNNEST(['a', 'b']) AS x WITH OFFSET AS o ORDER BY o", [("a", "0"), ("b", "1")]),
        ("SELECT offset FROM UNNEST(['a', 'b']) WITH OFFSET ORDER BY offset", ["0", "1"]),
        (
            f"SELECT k, x, o FROM {LISTS}, UNNEST(t.list) AS x WITH OFFSET o ORDER BY o",
            [("1", "a", "0"), ("1", "b", "1")],
        ),
        (
            f"SELECT k, x FROM {LISTS} CROSS JOIN UNNEST(list) AS x WITH OFFSET o WHERE o = 1",
            [("1", "b")],
        ),
        (
            f"SELECT k, o FROM {LISTS} LEFT JOIN UNNEST(t.list) AS x WITH OFFSET o ORDER BY k, o",
            [("1", "0"), ("1", "1"), ("2", None)],
        ),
        (
            f"SELECT k, x FROM {LISTS} LEFT JOIN UNNEST(t.list) AS x ORDER BY k, x",
            [("1", "a"), ("1", "b"), ("2", None)],
        ),
    ],
)
def test_unnest_makes_rows(answer, query: str, rows: list[tuple[str | None, ...]]) -> None:
    assert answer(query) == rows


@pytest.mark.parametrize(
    ("selected", "row"),
    [
        ("*", ("2", "1", "3")),
        ("* EXCEPT (k)", ("1", "3")),
        ("a.*, b.y", ("1", "2", "3")),
        ("k, x", ("2", "1")),
    ],
)
def test_the_columns_of_using_come_first_and_once(answer, selected: str, row: tuple[str, ...]) -> None:
    tables = "(SELECT 1 AS x, 2 AS k) AS a JOIN (SELECT 3 AS y, 2 AS k) AS b USING (k)"
    assert answer(f"SELECT {selected} FROM {tables}") == [row]
