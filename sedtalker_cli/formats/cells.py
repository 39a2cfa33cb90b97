"""Cells of CSV files that hold names of files: a spreadsheet must not take one for a formula.

A cell that begins with `=`, `+`, `-` or `@` (or with a tab or a return, which some programs drop) gets an apostrophe in
front, as spreadsheets mark text themselves; so does one that begins with an apostrophe, so that both can be undone.
Source: OWASP, "CSV Injection".
"""

MARK = "'"
ACTIVE = ("=", "+", "-", "@", "\t", "\r", "\n", MARK)


def quoted(text: str) -> str:
    """A cell that a spreadsheet shows as it is."""
    return MARK + text if text.startswith(ACTIVE) else text


def unquoted(cell: str) -> str:
    """What `quoted` was given."""
    return cell[1:] if cell.startswith(MARK) and cell[1:].startswith(ACTIVE) else cell
