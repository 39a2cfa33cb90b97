"""Cells of tables as spreadsheets write and read them: what separates them, empty ones, names that are no formulas.

A spreadsheet must not take the name of a file for a formula. A cell that begins with `=`, `+`, `-` or `@` (or with a
tab or a return, which some programs drop) gets an apostrophe in front, as spreadsheets mark text themselves; so does
one that begins with an apostrophe, so that both can be undone. Source: OWASP, "CSV Injection".
"""

MARK = "'"
ACTIVE = ("=", "+", "-", "@", "\t", "\r", "\n", MARK)
SEPARATORS = ",;\t"


def quoted(text: str) -> str:
    """A cell that a spreadsheet shows as it is."""
    return MARK + text if text.startswith(ACTIVE) else text


def unquoted(cell: str) -> str:
    """What `quoted` was given."""
    return cell[1:] if cell.startswith(MARK) and cell[1:].startswith(ACTIVE) else cell


def separator_of(line: str) -> str:
    """What separates the cells of a table whose first line this is; a comma if nothing does."""
    return max(SEPARATORS, key=line.count)


def without_empty_end(cells: list[str], least: int = 0) -> list[str]:
    """Cells without the empty ones behind the last; the first `least` stay."""
    count = len(cells)
    while count > least and not cells[count - 1].strip():
        count -= 1
    return cells[:count]
