"""What all commands need: options, errors in one sentence, and a function that writes files."""

import argparse
import dataclasses
import os
import sys
import tempfile
from pathlib import Path

# Some outputs cannot show these symbols, for example a pipe on Windows.
SYMBOLS = {"✓": "ok", "✗": "FAILED", "≥": ">=", "≤": "<=", "×": "x", "–": "-"}


class UserError(Exception):
    """An error that the user can fix. The message says what is wrong, and what to do."""


def run_main(main):
    """Call the main function of a command, and end the process with its exit code.

    UserError and OSError are printed as one sentence. Ctrl-C prints nothing.
    """
    if hasattr(sys.stdout, "reconfigure"):  # a notebook's stdout has no such method
        # After this call, a file name with unusual characters cannot stop a command.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        exit_code = main()
        sys.stdout.flush()
    except KeyboardInterrupt:
        exit_code = 130  # as shells report Ctrl-C
    except BrokenPipeError:  # the reader has ended, as in `python predict.py … | head`
        # Python flushes stdout again when it ends. This must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        exit_code = 141  # as shells report a broken pipe
    except UserError as error:
        exit_code = f"Error: {error}"
    except OSError as error:
        exit_code = f"Error: {error}"
        if error.strerror:  # an error of the operating system, not one of this project
            problem = f"{error.filename or 'a file'} cannot be used ({error.strerror})"
            advice = "check its name, its permissions and the free space on its disk"
            exit_code = f"Error: {problem}: {advice}"
    sys.exit(exit_code)


def write_file(path, content):
    """Write text or bytes to a file.

    Raises OSError with the path. If writing fails, an older file there is not changed.
    """
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
    """Print text. Symbols that the output cannot show are replaced: ✓ by ok, ≥ by >=."""
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
    """Return the text on one line of at most 300 characters, without control characters."""
    return "".join(c if c.isprintable() else "?" for c in text)[:300]


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the line breaks of the description, and adds the default to each help text."""

    def _get_help_string(self, action):
        # A flag such as --show has no values (nargs is 0), so its default says nothing.
        has_default = action.nargs != 0 and action.default is not None
        return f"{action.help} (default: %(default)s)" if has_default else action.help


def make_parser(description):
    """Return an argument parser with this description; options cannot be abbreviated."""
    return argparse.ArgumentParser(
        description=description, formatter_class=HelpFormatter, allow_abbrev=False
    )


def user_path(text):
    """Return a Path. It expands ~, because shells do not do it in `--option=~/folder`."""
    return Path(text).expanduser()


def bounded(number_type, lowest, highest):
    """Return a function that turns text into an int or float and checks the bounds."""

    def parse(text):
        if lowest <= number_type(text) <= highest:
            return number_type(text)
        raise argparse.ArgumentTypeError(
            f"{text} is not between {lowest:,} and {highest:,}"
        )

    parse.__name__ = number_type.__name__  # argparse prints it: "invalid int value"
    return parse


def setting(default, description, lowest=0, highest=1_000_000):
    """Return a field of a dataclass that `add_settings` turns into an option."""
    parse = bounded(type(default), lowest, highest)
    option = {"type": parse, "metavar": "N", "help": description}
    return dataclasses.field(default=default, metadata=option)


def share(default, description, highest=1.0):
    """Return a field of a dataclass, like `setting`, for a number from 0 to 1."""
    return setting(default, description, 0.0, highest)


def add_settings(parser, dataclass, skip=()):
    """Add an option for each field of a dataclass except those in `skip`."""
    for field in dataclasses.fields(dataclass):
        if field.name not in skip:
            option = f"--{field.name.replace('_', '-')}"
            parser.add_argument(option, default=field.default, **field.metadata)


def read_settings(args, dataclass):
    """Create a dataclass from parsed options; fields without an option keep their default."""
    names = [field.name for field in dataclasses.fields(dataclass)]
    return dataclass(**{name: getattr(args, name) for name in names if name in args})


def add_checkpoint_option(parser):
    text = "model to use (default: the newest model_*.pth in the current folder)"
    parser.add_argument("--checkpoint", type=user_path, help=text)


def markdown_table(header, rows):
    """Return a Markdown table of rows of text; only the first column is aligned left."""
    ruler = ["---", *["--:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, ruler, *rows))
