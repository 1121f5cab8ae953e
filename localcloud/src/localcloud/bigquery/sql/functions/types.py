"""The known types of the nodes of a query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sqlglot import exp

FLOATS = frozenset({exp.DType.DOUBLE, exp.DType.FLOAT})
INTEGERS = frozenset({exp.DType.BIGINT, exp.DType.INT})
DECIMALS = frozenset({exp.DType.DECIMAL})
NUMBERS = FLOATS | INTEGERS | DECIMALS
TEXTS = frozenset({exp.DType.TEXT, exp.DType.VARCHAR})
BOOLS = frozenset({exp.DType.BOOLEAN})
BINARIES = frozenset({exp.DType.BINARY, exp.DType.VARBINARY, exp.DType.BLOB})
UNKNOWN = frozenset({exp.DType.UNKNOWN, exp.DType.NULL})
_NUMBER = "node"


def number_nodes(tree: exp.Expr) -> None:
    """Assign a number to every node, which its copies and its replacements keep."""
    for index, node in enumerate(tree.walk()):
        node.meta[_NUMBER] = index


def number_of(node: exp.Expr) -> int:
    """Return the number of a node, or of the one that it is a copy of; -1 if it has none."""
    return int(node.meta.get(_NUMBER, -1))


def stand_in(replacement: exp.Expr, node: exp.Expr) -> None:
    """Copy the type of a node to its replacement."""
    if _NUMBER in node.meta:
        replacement.meta[_NUMBER] = node.meta[_NUMBER]


def field_types(kind: exp.DataType) -> list[exp.DataType]:
    """Return the types of the fields of a STRUCT; none for another type."""
    if kind.this != exp.DType.STRUCT:
        return []
    return [field.args["kind"] if isinstance(field, exp.ColumnDef) else field for field in kind.expressions]


@dataclass(frozen=True)
class Types:
    """The types of numbered nodes; a node without a number may have any type."""

    by_number: Mapping[int, exp.DataType] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def read(cls, annotated: exp.Expr) -> Types:
        """Read the types that sqlglot has found for a copy of a numbered tree."""
        found = {
            node.meta[_NUMBER]: node.type for node in annotated.walk() if _NUMBER in node.meta and node.type
        }
        return cls(MappingProxyType(found))

    def of(self, node: exp.Expr) -> exp.DType:
        """Return the type of a node."""
        found = self.by_number.get(number_of(node))
        return found.this if found else exp.DType.UNKNOWN

    def struct_names(self, node: exp.Expr) -> list[str] | None:
        """Return the names of a STRUCT's fields; None for what is known to be none, or is not known."""
        found = self.by_number.get(number_of(node))
        if found is None or found.this != exp.DType.STRUCT:
            return None
        return [field.name.lower() for field in found.expressions]

    def fields_of(self, node: exp.Expr) -> list[exp.DataType]:
        """Return the types of the fields of a STRUCT; none for another value."""
        found = self.by_number.get(number_of(node))
        return field_types(found) if found else []

    def element_of(self, node: exp.Expr) -> exp.DType:
        """Return the type of the elements of an array."""
        found = self.by_number.get(number_of(node))
        elements = found.expressions if found and found.this == exp.DType.ARRAY else []
        return elements[0].this if elements else exp.DType.UNKNOWN

    def holds_structs(self, node: exp.Expr) -> bool:
        """Return whether a node is an array of STRUCTs."""
        return self.element_of(node) == exp.DType.STRUCT

    def may_be_float(self, node: exp.Expr) -> bool:
        """Return whether a node is a FLOAT64 or may be one."""
        return self.of(node) in FLOATS | UNKNOWN
