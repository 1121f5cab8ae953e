"""LIKE ANY, SOME and ALL, written as comparisons with one pattern each, or with an array of patterns."""

from __future__ import annotations

from functools import reduce

from sqlglot import exp

from localcloud.bigquery.errors import failure


def write_quantifiers(tree: exp.Expr) -> None:
    """
    Write ``x LIKE ANY (a, b)`` as ``(x LIKE a OR x LIKE b)``; UNNEST and a subquery become an array.

    NOT applies to each pattern. Source:
    https://cloud.google.com/bigquery/docs/reference/standard-sql/operators#like_operator_quantified and
    https://github.com/google/googlesql/blob/master/googlesql/compliance/testdata/like_any.test

    :param tree: a query, changed in place.
    :raises ApiError: 400 without a pattern.
    """
    for like in list(tree.find_all(exp.Like)):
        quantifier = like.expression
        if not isinstance(quantifier, exp.Any | exp.All):
            continue
        held = quantifier.this
        if isinstance(held, exp.Unnest):
            quantifier.set("this", held.expressions[0].copy())
        elif isinstance(held, exp.Query) and not isinstance(held.this, exp.Subquery):
            quantifier.set("this", exp.Array(expressions=[held.unnest().copy()]))
        else:
            like.replace(_spelled_out(like, held))


def _spelled_out(like: exp.Like, held: exp.Expr) -> exp.Expr:
    patterns = held.expressions if isinstance(held, exp.Tuple) else [held.this]
    compared: list[exp.Expr] = [
        exp.Like(this=like.this.copy(), expression=pattern.copy(), negate=like.args.get("negate"))
        for pattern in patterns
    ]
    if not compared:
        raise failure("invalidQuery", "Syntax error: LIKE ANY, SOME and ALL need a pattern")
    join = exp.Or if isinstance(like.expression, exp.Any) else exp.And
    return exp.paren(reduce(lambda left, right: join(this=left, expression=right), compared))
