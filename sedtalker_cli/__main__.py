"""`python -m sedtalker_cli`."""

from sedtalker_cli.cli import main

if __name__ == "__main__":
    main()
