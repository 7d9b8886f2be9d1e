"""What an audit found, as CSV text to open in a spreadsheet."""

from .spreadsheet import csv_text


def same_pictures_csv(groups):
    """CSV text, one line a product: its group, the group's distance in look, the product and its words."""
    columns = list(dict.fromkeys(c for group in groups for product in group.products for c in product.attributes))
    lines = [("group", "distance", "id", "path", *columns)]
    for number, group in enumerate(groups, start=1):
        for product in group.products:
            words = (product.attributes.get(column, "") for column in columns)
            lines.append((number, f"{group.distance:.3f}", product.id, product.name, *words))
    return csv_text(lines)


def doubts_csv(found):
    """CSV text, one line a Doubt, in the order given."""
    lines = [("id", "path", "column", "word", "suggested", "share", "own_share")]
    for d in found:
        shares = f"{d.share:.2f}", f"{d.own_share:.2f}"
        lines.append((d.product.id, d.product.name, d.column, d.word, d.suggested, *shares))
    return csv_text(lines)
