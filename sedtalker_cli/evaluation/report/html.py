"""One self-contained HTML page: text, tables and pictures, without scripts or anything from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from string import Template

from sedtalker_cli.evaluation.report.tables import Table
from sedtalker_cli.formats.atomic import atomic_file

PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #22262c; background: #fff; max-width: 68rem; margin: 2rem auto;
  padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin: 2.2rem 0 .4rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem } dt { color: #5b6570 }
dd { margin: 0; overflow-wrap: anywhere } figure { margin: 1rem 0 } p { max-width: 48rem }
.wide { overflow-x: auto; margin: .8rem 0 } table { border-collapse: collapse; font-variant-numeric: tabular-nums }
caption { text-align: left; font-weight: 600; padding: .3rem 0 }
th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #e3e6ea }
th { color: #5b6570; font-weight: 600 } th:first-child, td:first-child { text-align: left }
svg { max-width: 100%; height: auto; font-family: "DejaVu Sans", Verdana, sans-serif }
</style>
</head>
<body>
<h1>$title</h1>
<dl>
$facts
</dl>
$sections
</body>
</html>
""")


@dataclass
class Section:
    """A part of a page.

    Attributes:
        title: its heading.
        text: a paragraph, may be empty.
        tables: shown first.
        pictures: `<svg>` elements, trusted as they are.
    """

    title: str
    text: str = ""
    tables: Sequence[Table] = ()
    pictures: Sequence[str] = ()


@dataclass
class Page:
    """A page.

    Attributes:
        title: its heading.
        facts: name -> value, shown at the top.
        sections: one below the other.
    """

    title: str
    facts: Mapping[str, str] = field(default_factory=dict)
    sections: Sequence[Section] = ()


def render_page(page: Page) -> str:
    """The page as HTML; all text is escaped."""
    facts = "\n".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in page.facts.items())
    sections = "\n".join(_section(section) for section in page.sections)
    return PAGE.substitute(title=_text(page.title), facts=facts, sections=sections)


def write_page(path: Path, page: Page) -> None:
    """Write the page, whole or not at all."""
    with atomic_file(path) as part:
        part.write_bytes(render_page(page).encode("utf-8"))


def _section(section: Section) -> str:
    parts = [f"<section>\n<h2>{_text(section.title)}</h2>"]
    if section.text:
        parts.append(f"<p>{_text(section.text)}</p>")
    parts += [_table(table) for table in section.tables]
    parts += [f"<figure>{picture}</figure>" for picture in section.pictures]
    return "\n".join([*parts, "</section>"])


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{_text(name)}</th>' for name in table.columns)
    rows = "\n".join("<tr>" + "".join(f"<td>{_text(value)}</td>" for value in row) + "</tr>" for row in table.rows)
    return (
        f'<div class="wide"><table>\n<caption>{_text(table.title)}</caption>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table></div>"
    )


def _text(text: str) -> str:
    """Escaped; what is no text (bytes of a file name, control characters) becomes a question mark."""
    return escape("".join(c if c.isprintable() else "?" for c in text))
