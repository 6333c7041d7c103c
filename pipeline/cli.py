"""Bad input ends a script in one sentence and a non-zero exit, never in a traceback."""

import argparse
import sys


class UserError(Exception):
    """What a user can mend; the message says what is wrong, where, and what to do."""


def run(main):
    """Call the main function of a script."""
    sys.stdout.reconfigure(errors="backslashreplace")  # for names of any characters
    try:
        main()
    except (UserError, OSError) as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def make_parser(description):
    """Parser whose --help tells the defaults."""
    formatter = argparse.ArgumentDefaultsHelpFormatter
    return argparse.ArgumentParser(description=description, formatter_class=formatter)


def number(kind, lowest, highest):
    """Parser of a command-line number of a kind and within bounds."""

    def parse(text):
        if lowest <= kind(text) <= highest:
            return kind(text)
        raise argparse.ArgumentTypeError(f"{text} is not in {lowest:,} to {highest:,}")

    parse.__name__ = kind.__name__  # for argparse's "invalid int value"
    return parse


def markdown_table(header, rows):
    """Markdown table of rows of text; all columns but the first are aligned right."""
    ruler = ["---", *["--:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, ruler, *rows))
