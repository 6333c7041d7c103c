"""What is wrong ends a script in one sentence and a non-zero exit, never in a traceback."""

import argparse
import os
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

NO_MEMORY = (  # so says torch
    "DefaultCPUAllocator",
    "bad_alloc",
    "start new thread",
    "create a primitive",
)
ROOM = 1_000_000  # bytes, more than a checkpoint or a report takes


class UserError(Exception):
    """What a user can mend; the message says what is wrong, where, and what to do."""


def run_main(main):
    """Call the main function of a script, in a terminal, a pipe or a notebook."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the shell
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - for good
    if hasattr(sys.stdout, "reconfigure"):  # a notebook's has not
        sys.stdout.reconfigure(errors="backslashreplace")  # for names of any characters
    try:
        try:
            main()
        finally:
            flush_output()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # of `| head`, which has read enough
        sys.exit(141)  # as of a command that is ended by the pipe's signal
    except UserError as error:
        sys.exit(f"Error: {error}")
    except OSError as error:
        sys.exit(f"Error: {explain(error)}")
    except (MemoryError, RuntimeError) as error:
        if not lacks_memory(error):
            raise
        sys.exit("Error: not enough memory: close other programs, or lift its limit")


def flush_output():
    """Write what was printed; raises OSError, and then Python does not try it again."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def explain(error):
    """An OSError of the system's as a sentence; one with words of its own as it is."""
    if not error.strerror:
        return str(error)
    name = error.filename or "a file, or the output,"
    advice = "check its name, its permissions and the room on its disk"
    return f"{name} cannot be used ({error.strerror}): {advice}"


def lacks_memory(error):
    return isinstance(error, MemoryError) or any(w in str(error) for w in NO_MEMORY)


@contextmanager
def writing(path):
    """Have an OSError name the path that is written, as that of a full disk does not."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from None


def write_whole(path, text):
    """Write a text file; raises OSError, and then leaves the one that was there."""
    partial = path.with_suffix(f".{os.getpid()}.partial")  # two may write it at once
    try:
        with writing(path):
            partial.write_text(text, encoding="utf-8", errors="backslashreplace")
            partial.replace(path)
    finally:
        with suppress(OSError):  # of a disk that cannot be written
            partial.unlink(missing_ok=True)


def prepare_folder(folder):
    """Make a folder if it is missing; raises UserError where no file can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(ROOM))
    except OSError as error:
        reason = f"a folder with room to write ({error.strerror})"
        raise UserError(f"{folder} must be {reason}: choose another one") from None


def user_path(text):
    """Parser of a command-line path, for a shell leaves the ~ in --option=~/folder."""
    return Path(os.path.expanduser(text))


def printable(text):
    """Text from a stranger, as one short line that does nothing to a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)[:300]


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
