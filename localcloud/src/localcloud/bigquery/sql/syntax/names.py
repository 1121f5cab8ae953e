"""The names of GoogleSQL that are served: types and functions."""

from __future__ import annotations

from sqlglot import exp

# Sources: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types (aliases included) and
# ExternalModeSimpleTypeKindMap in https://github.com/google/zetasql/blob/master/zetasql/public/type.cc
TYPES: dict[str, exp.DType] = {
    **dict.fromkeys(
        ("INT64", "INT", "SMALLINT", "INTEGER", "BIGINT", "TINYINT", "BYTEINT"), exp.DType.BIGINT
    ),
    **dict.fromkeys(("NUMERIC", "DECIMAL"), exp.DType.DECIMAL),
    **dict.fromkeys(("BIGNUMERIC", "BIGDECIMAL"), exp.DType.BIGDECIMAL),
    **dict.fromkeys(("BOOL", "BOOLEAN"), exp.DType.BOOLEAN),
    "FLOAT64": exp.DType.DOUBLE,
    "STRING": exp.DType.TEXT,
    "BYTES": exp.DType.BINARY,
    "DATE": exp.DType.DATE,
    "TIME": exp.DType.TIME,
    "DATETIME": exp.DType.TIMESTAMP,
    "TIMESTAMP": exp.DType.TIMESTAMPTZ,
    "ARRAY": exp.DType.ARRAY,
    "STRUCT": exp.DType.STRUCT,
    "GEOGRAPHY": exp.DType.GEOGRAPHY,
    "INTERVAL": exp.DType.INTERVAL,
    "JSON": exp.DType.JSON,
    "RANGE": exp.DType.RANGE,
}
# Types whose values are also written as the name and a text.
# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#literals
OF_LITERALS = frozenset(
    {
        *("NUMERIC", "DECIMAL", "BIGNUMERIC", "BIGDECIMAL", "DATE", "TIME", "DATETIME", "TIMESTAMP"),
        *("JSON", "INTERVAL", "RANGE"),
    }
)
# The functions that are served; sqlglot knows those of other databases too.
# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/functions-all
FUNCTIONS = frozenset(
    {
        *("ABS", "ACOS", "ACOSH", "ANY_VALUE", "APPROX_COUNT_DISTINCT", "APPROX_QUANTILES"),
        *("APPROX_TOP_COUNT", "ARRAY", "ARRAY_AGG", "ARRAY_CONCAT", "ARRAY_CONCAT_AGG", "ARRAY_FIRST"),
        *("ARRAY_LAST", "ARRAY_LENGTH", "ARRAY_REVERSE", "ARRAY_SLICE", "ARRAY_TO_STRING", "ASCII", "ASIN"),
        *("ASINH", "ATAN", "ATAN2", "ATANH", "AVG", "BIT_AND", "BIT_COUNT", "BIT_OR", "BIT_XOR"),
        *("BYTE_LENGTH", "CAST", "CBRT", "CEIL", "CEILING", "CHARACTER_LENGTH", "CHAR_LENGTH", "CHR"),
        *("COALESCE", "CODE_POINTS_TO_BYTES", "CODE_POINTS_TO_STRING", "CONCAT", "CONTAINS_SUBSTR", "CORR"),
        *("COS", "COSH", "COUNT", "COUNTIF", "COVAR_POP", "COVAR_SAMP", "CUME_DIST", "CURRENT_DATE"),
        *("CURRENT_DATETIME", "CURRENT_TIME", "CURRENT_TIMESTAMP", "DATE", "DATETIME", "DATETIME_ADD"),
        *("DATETIME_DIFF", "DATETIME_SUB", "DATETIME_TRUNC", "DATE_ADD", "DATE_DIFF"),
        *("DATE_FROM_UNIX_DATE", "DATE_SUB", "DATE_TRUNC", "DENSE_RANK", "DIV", "EDIT_DISTANCE"),
        *("ENDS_WITH", "EXISTS", "EXP", "EXTRACT", "FARM_FINGERPRINT", "FIRST_VALUE", "FLOOR", "FORMAT"),
        *("FORMAT_DATE", "FORMAT_DATETIME", "FORMAT_TIME", "FORMAT_TIMESTAMP", "FROM_BASE32"),
        *("FROM_BASE64", "FROM_HEX", "GENERATE_ARRAY", "GENERATE_DATE_ARRAY", "GENERATE_TIMESTAMP_ARRAY"),
        *("GENERATE_UUID", "GREATEST", "GROUPING", "IF", "IFNULL", "INITCAP", "INSTR", "IS_INF", "IS_NAN"),
        *("JSON_EXTRACT", "JSON_EXTRACT_ARRAY", "JSON_EXTRACT_SCALAR", "JSON_EXTRACT_STRING_ARRAY"),
        *("JSON_QUERY", "JSON_QUERY_ARRAY", "JSON_VALUE", "JSON_VALUE_ARRAY", "LAG", "LAST_DAY"),
        *("LAST_VALUE", "LEAD", "LEAST", "LEFT", "LENGTH", "LN", "LOG", "LOG10", "LOGICAL_AND"),
        *("LOGICAL_OR", "LOWER", "LPAD", "LTRIM", "MAX", "MAX_BY", "MD5", "MIN", "MIN_BY", "MOD"),
        *("NORMALIZE", "NORMALIZE_AND_CASEFOLD", "NTH_VALUE", "NTILE", "NULLIF", "OCTET_LENGTH"),
        *("PARSE_DATE", "PARSE_DATETIME", "PARSE_NUMERIC", "PARSE_TIME", "PARSE_TIMESTAMP"),
        *("PERCENTILE_CONT", "PERCENTILE_DISC", "PERCENT_RANK", "POW", "POWER", "RAND", "RANGE_BUCKET"),
        *("RANK", "REGEXP_CONTAINS", "REGEXP_EXTRACT", "REGEXP_EXTRACT_ALL", "REGEXP_INSTR"),
        *("REGEXP_REPLACE", "REGEXP_SUBSTR", "REPEAT", "REPLACE", "REVERSE", "RIGHT", "ROUND"),
        *("ROW_NUMBER", "RPAD", "RTRIM", "SAFE_ADD", "SAFE_CAST", "SAFE_CONVERT_BYTES_TO_STRING"),
        *("SAFE_DIVIDE", "SAFE_MULTIPLY", "SAFE_NEGATE", "SAFE_SUBTRACT", "SHA1", "SHA256", "SHA512"),
        *("SIGN", "SIN", "SINH", "SOUNDEX", "SPLIT", "SQRT", "STARTS_WITH", "STDDEV", "STDDEV_POP"),
        *("STDDEV_SAMP", "STRING", "STRING_AGG", "STRPOS", "STRUCT", "SUBSTR", "SUBSTRING", "SUM", "TAN"),
        *("TANH", "TIME", "TIMESTAMP", "TIMESTAMP_ADD", "TIMESTAMP_DIFF", "TIMESTAMP_MICROS"),
        *("TIMESTAMP_MILLIS", "TIMESTAMP_SECONDS", "TIMESTAMP_SUB", "TIMESTAMP_TRUNC", "TIME_ADD"),
        *("TIME_DIFF", "TIME_SUB", "TIME_TRUNC", "TO_BASE32", "TO_BASE64", "TO_CODE_POINTS", "TO_HEX"),
        *("TO_JSON_STRING", "TRANSLATE", "TRIM", "TRUNC", "UNICODE", "UNIX_DATE", "UNIX_MICROS"),
        *("UNIX_MILLIS", "UNIX_SECONDS", "UPPER", "VARIANCE", "VAR_POP", "VAR_SAMP"),
    }
)
