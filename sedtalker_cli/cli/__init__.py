"""The command line `sedtalker`; importing it is cheap, the commands import what they need when they run."""


def main() -> None:
    """Entry point of the `sedtalker` command."""
    from sedtalker_cli.cli.app import app

    app(prog_name="sedtalker")
