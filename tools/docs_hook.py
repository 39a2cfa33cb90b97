"""Writes the pages of the documentation that follow from the code: command line, Python names, corpora.

mkdocs calls `on_page_markdown` for every page; a comment such as `<!-- generated: command line -->` is replaced. A page
that would fetch anything from the network ends the build.
"""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import typer
from mkdocs.exceptions import PluginError

import sedtalker_cli
from sedtalker_cli.cli.app import app
from sedtalker_cli.cli.options import CONTEXT
from sedtalker_cli.data.corpora.registry import corpus_names, corpus_reader


def cell(text: str) -> str:
    """Text in a cell of a table, with what Markdown would read escaped."""
    return "".join(f"\\{letter}" if letter in "|*_<" else letter for letter in " ".join(text.split()))


def commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every command of a tree with its full name, groups before their commands."""
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, f"{path} {name}")


def option_row(parameter: Any, context: Any) -> str:
    """One row of an option's or argument's names and help."""
    names, text = parameter.get_help_record(context)
    return f"| `{names}` | {cell(text)} |"


def command_line() -> str:
    """All commands with their options, from the Typer application."""
    parts = []
    for path, command in commands(typer.main.get_command(app), "sedtalker"):
        context = command.context_class(command, info_name=path, **CONTEXT)
        parts += [f"## `{path}`", inspect.cleandoc(command.help or "")]
        if getattr(command, "commands", None):
            parts.append("Commands: " + ", ".join(f"`{name}`" for name in command.commands))
        usage = " ".join([path, *command.collect_usage_pieces(context)])
        parts.append(f"```text\n{usage}\n```")
        rows = [option_row(parameter, context) for parameter in command.get_params(context)]
        parts.append("| option | what it does |\n|---|---|\n" + "\n".join(rows))
        if command.epilog:
            epilog = re.sub(r"\n{3,}", "\n\n", inspect.cleandoc(command.epilog.replace("\b", "")))
            parts.append(f"```text\n{epilog}\n```")
    return "\n\n".join(parts)


def python_names() -> str:
    """A heading for every name of `sedtalker_cli.__all__`, filled by mkdocstrings from its docstring."""
    things = (getattr(sedtalker_cli, name) for name in sedtalker_cli.__all__ if not name.startswith("_"))
    return "\n\n".join(f"::: {thing.__module__}.{thing.__qualname__}" for thing in things)


def corpora() -> str:
    """A row for every corpus that can be read."""
    rows = ["| name | a file in it | classes |", "|---|---|---|"]
    for name in corpus_names():
        reader = corpus_reader(name)
        rows.append(f"| `{name}` | `{reader.layout}` | {', '.join(reader.classes)} |")
    return "\n".join(rows)


GENERATED = {"command line": command_line, "python": python_names, "corpora": corpora}


def on_page_markdown(markdown: str, **_: object) -> str:
    """Fill in what a page asks for."""
    for name, write in GENERATED.items():
        mark = f"<!-- generated: {name} -->"
        if mark in markdown:
            markdown = markdown.replace(mark, write())
    return markdown


def on_post_page(output: str, page: Any, **_: object) -> str:
    """Pages are read without the network, too."""
    fetched = re.search(r"<(?:script|img|link|iframe)\b[^>]*\b(?:src|href)=\"?(?:https?:)?//[^\s\">]*", output)
    if fetched:
        raise PluginError(f"{page.file.src_uri}: fetches from the network: {fetched[0]}")
    return output
