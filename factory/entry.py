"""Where the command `difffas` begins: signals are looked after before anything is imported that takes a moment."""

from __future__ import annotations

from factory.interrupts import caught


def main(arguments: list[str] | None = None) -> None:
    """Run the command; what ends it is one line and an exit status."""
    with caught():
        from factory import cli

        cli.main(arguments)


if __name__ == "__main__":
    main()
