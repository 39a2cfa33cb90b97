"""Help with options in panels: what is read first stands first, and plain text keeps `--help` fast."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import typer.core

INPUT, EMOTION, MOTION, OUTPUTS, PICTURE = "Input", "Emotion", "Motion", "Outputs", "Picture"
BATCH, MACHINE = "Batch", "Machine"
OTHERS = "Options"
ORDER = (INPUT, OTHERS, EMOTION, MOTION, OUTPUTS, PICTURE, BATCH, MACHINE)

input_option = partial(typer.Option, rich_help_panel=INPUT)
emotion_option = partial(typer.Option, rich_help_panel=EMOTION)
motion_option = partial(typer.Option, rich_help_panel=MOTION)
output_option = partial(typer.Option, rich_help_panel=OUTPUTS)
picture_option = partial(typer.Option, rich_help_panel=PICTURE)
batch_option = partial(typer.Option, rich_help_panel=BATCH)
machine_option = partial(typer.Option, rich_help_panel=MACHINE)

if TYPE_CHECKING:
    Context = Formatter = Any  # click's, which newer Typers bring themselves


class PanelCommand(typer.core.TyperCommand):
    """A command whose help has a section a panel (`rich_help_panel`), each in the order of the function's arguments."""

    def format_options(self, ctx: Context, formatter: Formatter) -> None:
        """See `click.Command.format_options`."""
        panels: dict[str, list[tuple[str, str]]] = {name: [] for name in ORDER}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            name = getattr(parameter, "rich_help_panel", None)
            if name is None:
                name = {"argument": INPUT, "option": OTHERS}[parameter.param_type_name]
                name = MACHINE if parameter.name == "help" else name
            panels[name].append(record)
        for name, records in panels.items():
            if records:
                with formatter.section(name):
                    formatter.write_dl(records)
