"""Filters as Milvus' boolean expressions; every word is quoted here and nowhere else."""

import json

from .layout import ROW, word_field


def literal(word):
    """A text as it stands in an expression.

    Milvus reads its texts as Go does: JSON's escapes of quotes, backslashes and controls are among Go's, but not
    its pairs of \\\\u for what lies beyond 16 bits, so that all other signs stay as they are.
    """
    return json.dumps(word, ensure_ascii=False)


def expression(allowed, columns):
    """The expression that selects exactly what allowed.mask() does, "" for everything, None for nothing.

    columns are the version's, in the order of its fields.
    """
    if allowed is None:
        return ""
    offered = allowed.facets.offered(allowed.filters) if allowed.filters else {}
    if offered is None:
        return None
    terms = [f"{word_field(columns.index(c))} in [{', '.join(map(literal, words))}]" for c, words in offered.items()]
    if allowed.but:
        terms.append(f"{ROW} not in {sorted(map(int, allowed.but))}")
    return " and ".join(terms)
