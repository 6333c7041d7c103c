"""Parts that the commands share: options, errors as one sentence, and files written whole."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

# Replacements for encodings that lack these symbols, as in a pipe on Windows
SYMBOLS = {"✓": "ok", "✗": "FAILED", "≥": ">=", "≤": "<=", "×": "x", "–": "-"}


class UserError(Exception):
    """An error that the user can fix. The message says what is wrong, and what to do."""


def run_main(main):
    """Call the main function of a command, and end with its exit code.

    UserError, OSError and Ctrl-C end in one sentence or silently, never in a traceback.
    """
    if hasattr(sys.stdout, "reconfigure"):  # a notebook's stdout has no such method
        sys.stdout.reconfigure(errors="backslashreplace")  # prints any file name
    try:
        exit_code = main()
        sys.stdout.flush()
    except KeyboardInterrupt:
        exit_code = 130  # as shells report Ctrl-C
    except BrokenPipeError:  # the reader has ended, as in `python predict.py … | head`
        # Python flushes stdout once more at its end; that must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        exit_code = 141  # as shells report a broken pipe
    except UserError as error:
        exit_code = f"Error: {error}"
    except OSError as error:
        exit_code = f"Error: {error}"
        if error.strerror:  # otherwise the message is one of this project's sentences
            problem = f"{error.filename or 'a file'} cannot be used ({error.strerror})"
            advice = "check its name, its permissions and the free space on its disk"
            exit_code = f"Error: {problem}: {advice}"
    sys.exit(exit_code)


def write_file(path, content):
    """Write text or bytes to a file. Raises OSError with the path; the old file then stays."""
    if isinstance(content, str):
        content = content.encode("utf-8", errors="backslashreplace")
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror or str(error), str(path)) from None


def print_line(text):
    """Print text. If the output cannot show ✓ or ≥, it gets ok or >= instead."""
    try:
        print(text)
    except UnicodeEncodeError:
        print(text.translate(str.maketrans(SYMBOLS)))


def check_folder(folder):
    """Create a folder if it is missing; raises UserError if no file can be written there."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        problem = f"no file can be written to {Path(folder).resolve()}"
        advice = "change its permissions or free some space"
        raise UserError(f"{problem} ({error.strerror}): {advice}") from None


def printable(text):
    """The text on one line of at most 300 characters, without control characters."""
    return "".join(c if c.isprintable() else "?" for c in text)[:300]


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the description, and adds the default to each help text."""

    def _get_help_string(self, action):
        has_default = action.nargs != 0 and action.default is not None
        return f"{action.help} (default: %(default)s)" if has_default else action.help


def make_parser(description):
    """Argument parser with the module's docstring as help; options cannot be abbreviated."""
    return argparse.ArgumentParser(
        description=description, formatter_class=HelpFormatter, allow_abbrev=False
    )


def user_path(text):
    """Parse a path. Expands ~, because shells do not in `--option=~/folder`."""
    return Path(text).expanduser()


def bounded(kind, lowest, highest):
    """Return a parser of numbers of type `kind`, int or float, from lowest to highest."""

    def parse(text):
        if lowest <= kind(text) <= highest:
            return kind(text)
        raise argparse.ArgumentTypeError(
            f"{text} is not between {lowest:,} and {highest:,}"
        )

    parse.__name__ = kind.__name__  # argparse prints it in "invalid int value"
    return parse


def markdown_table(header, rows):
    """Markdown table of rows of text; all columns but the first are aligned right."""
    ruler = ["---", *["--:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, ruler, *rows))
