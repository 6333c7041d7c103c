"""A checkpoint that nobody vouches for: each check says what it keeps out."""

import io
import pickletools
import zipfile

import torch

from pipeline.cli import UserError
from pipeline.data import DATASETS

MAX_BYTES = 10_000_000  # of a file, and of all that is in it; ours has 34,000
LONGEST = 100_000  # characters of a record
PICKLED_NAMES = {  # all that the pickle of a checkpoint calls
    "collections OrderedDict",
    "torch FloatStorage",
    "torch LongStorage",
    "torch._utils _rebuild_tensor_v2",
}
DAMAGED = "is damaged or not a checkpoint of train.py"


def read_file(path):
    """Bytes of a file: not a pipe, which would be waited for, nor without end."""
    try:
        if not path.is_file():
            raise UserError("is not a file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror})") from None
    if len(content) > MAX_BYTES:
        raise UserError(f"is larger than {MAX_BYTES:,} bytes")
    return content


def read_archive(content):
    """Record and weights, from an archive whose pickle may want to run code."""
    try:
        saved = torch.load(copy_archive(content), "cpu", weights_only=True)
        return dict(saved["metadata"]), dict(saved["state_dict"])  # without options
    except UserError:
        raise
    except Exception as error:  # a strange file raises whatever it leads to
        raise UserError(DAMAGED) from error


def copy_archive(content):
    """The archive written anew: torch could see other entries in a crafted one than
    Python's zipfile does. Small when unpacked, and with known names in its pickle."""
    source, copy = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    entries = source.infolist()
    packed = any(entry.compress_type for entry in entries)  # whose sizes may be lies
    if packed or sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise UserError(f"would inflate to more than {MAX_BYTES:,} bytes")
    with zipfile.ZipFile(copy, "w") as target:
        for entry in entries:
            part = source.read(entry)  # checks the CRC
            if entry.filename.lower().endswith("data.pkl"):
                check_names(part)
            target.writestr(entry.filename, part)
    copy.seek(0)
    return copy


def check_names(pickle):
    """Refuse calls that run code, or reserve memory, or make text that grows."""
    for opcode, argument, _ in pickletools.genops(pickle):
        if "GLOBAL" in opcode.name and argument not in PICKLED_NAMES:
            raise UserError("holds more than the tensors of a checkpoint")


def check_record(metadata):
    """Refuse what would break a report, and a record that says too little."""
    length = 0
    for name, value in metadata.items():
        number = isinstance(value, int | float) and abs(value) < 1e300  # nor is NaN
        strings = value if isinstance(value, list) else [value]
        sound = number or all(isinstance(string, str) for string in strings)
        if not sound or not isinstance(name, str):
            raise UserError(f"holds neither strings nor a finite number as {name}")
        length += 0 if number else sum(map(len, strings))
        if length > LONGEST:  # one long string may be listed many times
            raise UserError(f"holds more than {LONGEST:,} characters")
    if str(metadata.get("dataset")) not in DATASETS:
        raise UserError("does not say what it was trained on")
    if not isinstance(metadata.get("test_accuracy"), float):
        raise UserError("does not say its test accuracy")
    classes = metadata.get("classes")
    named = isinstance(classes, list) and all(map(str.isprintable, classes))
    if not named or len(set(classes)) < max(len(classes), 2):
        raise UserError("does not name its classes")


def fill(network, state_dict):
    """Load the weights: not another network's, nor NaN, which would spread."""
    loaded = network.state_dict()  # tensors that loading fills
    if differing := loaded.keys() ^ state_dict.keys():
        name = min(map(str, differing))
        raise UserError(f"was made for another architecture: {name} is missing or new")
    try:
        network.load_state_dict(state_dict)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise UserError(f"was made for another architecture: {reason}") from None
    for name, tensor in loaded.items():
        if state_dict[name].dtype != tensor.dtype or not tensor.isfinite().all():
            raise UserError(f"holds other numbers than finite floats in {name}")
        if name.endswith("running_var") and (tensor < 0).any():
            raise UserError(f"holds a negative variance in {name}")
