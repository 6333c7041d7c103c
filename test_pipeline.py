"""Unit tests of the code; they need neither a checkpoint nor MNIST."""

import contextlib
import copy
import errno
import gzip
import hashlib
import io
import os
import pickle
import re
import runpy
import shutil
import subprocess
import sys
import threading
import urllib.request
import urllib.response
from datetime import datetime, timedelta
from pathlib import Path
from urllib.error import HTTPError, URLError

import pytest
import torch
import torch.nn.functional as F
from torchvision.datasets import MNIST
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as tv

import augmentation
import data
import evaluation
import gate
import model
import strokes
import test_model
import train

BILINEAR = InterpolationMode.BILINEAR


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def random_images(n):
    return torch.rand(n, 1, 28, 28, generator=seeded())


def pixels_from_unit(points):
    """Points in torchvision's coordinates, where the image spans [0, 28]."""
    return (14 * (points + 1)).tolist()


# Augmentation


@pytest.mark.parametrize("degrees", [-15.0, 0.0, 10.0])
@pytest.mark.parametrize("shift", [(0.0, 0.0), (2.8, -1.4)])
@pytest.mark.parametrize("scale", [0.9, 1.0, 1.1])
def test_affine_warp_equals_torchvision(degrees, shift, scale):
    images = random_images(3)
    homographies = augmentation.affine_homographies(
        torch.full((3,), degrees),
        torch.tensor([shift] * 3) / 14,
        torch.full((3,), scale),
    )
    expected = tv.affine(images, degrees, list(shift), scale, [0.0, 0.0], BILINEAR)
    torch.testing.assert_close(
        augmentation.warp(images, homographies), expected, atol=1e-4, rtol=0
    )


def test_perspective_warp_equals_torchvision():
    images = random_images(8)
    corners = augmentation.CORNERS * (1 - 0.2 * torch.rand(8, 4, 2, generator=seeded()))
    warped = augmentation.warp(images, augmentation.perspective_homographies(corners))
    for image, moved, ours in zip(images, corners, warped, strict=True):
        start = pixels_from_unit(augmentation.CORNERS)
        expected = tv.perspective(image, start, pixels_from_unit(moved), BILINEAR)
        torch.testing.assert_close(ours, expected, atol=1e-4, rtol=0)


def test_random_warp_applies_affine_then_perspective():
    inner = F.pad(random_images(50)[..., 10:18, 10:18], [10] * 4)  # nothing leaves
    smooth = tv.gaussian_blur(inner, [9, 9], [1.5, 1.5])
    parameters = augmentation.draw_parameters(50, generator=seeded())
    for image, ours, degrees, shift, scale, corners in zip(
        smooth,
        augmentation.random_warp(smooth, generator=seeded()),
        *parameters,
        strict=True,
    ):
        shift = (14 * shift).tolist()
        once = tv.affine(
            image, degrees.item(), shift, scale.item(), [0.0, 0.0], BILINEAR
        )
        start = pixels_from_unit(augmentation.CORNERS)
        twice = tv.perspective(once, start, pixels_from_unit(corners), BILINEAR)
        assert (ours - twice).abs().mean() < 0.004


def test_augmentation_parameters_fill_their_ranges():
    degrees, shifts, scales, corners = augmentation.draw_parameters(
        10_000, generator=seeded()
    )
    inward = 1 - corners / augmentation.CORNERS
    struck = inward.flatten(1).any(dim=1)
    assert struck.float().mean().item() == pytest.approx(0.5, abs=0.02)
    for values, lowest, highest in [
        (degrees, -15, 15),
        (shifts * 14, -2.8, 2.8),
        (scales, 0.9, 1.1),
        (inward[struck], 0, 0.2),
    ]:
        width = highest - lowest
        assert lowest - 1e-5 <= values.min() < lowest + 0.01 * width
        assert highest - 0.01 * width < values.max() <= highest + 1e-5
        assert values.mean().item() == pytest.approx(
            (lowest + highest) / 2, abs=0.02 * width
        )
    assert (shifts[:, 0] != shifts[:, 1]).all()


def test_augmentation_depends_on_the_seed_alone():
    images = random_images(8)
    first, again, other = (
        augmentation.augment(images, generator=seeded(s)) for s in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_strength_scales_every_warp():
    weak = augmentation.draw_parameters(100, 0.5, seeded())
    full = augmentation.draw_parameters(100, 1.0, seeded())
    for half, whole, rest in zip(
        weak, full, (0, 0, 1, augmentation.CORNERS), strict=True
    ):
        torch.testing.assert_close(half - rest, (whole - rest) / 2)


def test_noise_strikes_half_of_the_images_with_various_strength():
    noise = augmentation.add_noise(torch.zeros(10_000, 1, 28, 28), seeded())
    sigmas = noise.flatten(1).std(dim=1)
    struck = sigmas[sigmas > 0]
    assert len(struck) / len(sigmas) == pytest.approx(0.5, abs=0.02)
    assert struck.mean().item() == pytest.approx(0.125, abs=0.005)
    assert 0.24 < struck.max() < 0.28


# Stroke digits


def test_stroke_digits_depend_on_the_seed_alone():
    state = torch.get_rng_state()
    (first, labels), (again, _), (other, _) = (
        strokes.draw_digits(200, s) for s in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)
    assert first.shape == (200, 1, 28, 28)
    assert first.dtype == torch.uint8
    assert labels.dtype == torch.int64


@pytest.mark.parametrize("n", [1, 7, 1003])
def test_stroke_digits_are_balanced(n):
    counts = strokes.draw_digits(n, 0)[1].bincount(minlength=10)
    assert counts.sum() == n
    assert counts.max() - counts.min() <= 1


def test_stroke_digits_keep_to_mnist_conventions():
    images = strokes.draw_digits(5000, 0)[0].float().squeeze(1) / 255
    assert images.amax(dim=(1, 2)).min() > 0.5
    assert 0.11 < images.mean() < 0.16  # MNIST: 0.13
    places = torch.arange(28.0)
    mass = images.sum(dim=(1, 2))
    x = (images.sum(dim=1) @ places) / mass
    y = (images.sum(dim=2) @ places) / mass
    off_centre = torch.maximum((x - 14).abs(), (y - 14).abs())
    assert (off_centre < 1.5).float().mean() > 0.98  # pixels; MNIST: half of one
    ink = images > 0.5
    width, height = (ink.any(dim=d).sum(dim=1) for d in (1, 2))
    longer = torch.maximum(width, height)
    assert ((longer >= 18) & (longer <= 21)).float().mean() > 0.98


def test_every_variant_of_every_digit_is_drawn(monkeypatch):
    drawn = []

    def write(skeleton, n, generator):
        drawn.append((skeleton, n))
        return original(skeleton, n, generator)

    original = strokes.write
    monkeypatch.setattr(strokes, "write", write)
    strokes.draw_digits(200, 0)
    skeletons = [
        s for variants in strokes.read_skeletons().values() for s in variants.values()
    ]
    assert sorted(strokes.read_skeletons()) == list(range(10))
    assert sorted(skeleton for skeleton, n in drawn if n) == sorted(skeletons)


def test_drawing_no_digits_is_an_error():
    with pytest.raises(ValueError, match="at least 1"):
        strokes.draw_digits(0, 0)


# Data


@pytest.fixture
def tiny_mnist(tmp_path, monkeypatch):
    """Folder of 7 training and 7 test images that `data` takes for MNIST."""
    folder = tmp_path / "tiny" / data.RAW
    folder.mkdir(parents=True)
    for name in data.SHA256:
        if "images" in name:
            header, values = (2051, 7, 28, 28), bytes(range(256)) * 22
            values = values[: 7 * 784]
        else:
            header, values = (2049, 7), bytes(range(7))
        content = b"".join(number.to_bytes(4, "big") for number in header) + values
        (folder / name).write_bytes(content)
        monkeypatch.setitem(data.SHA256, name, hashlib.sha256(content).hexdigest())
    return tmp_path / "tiny"


@pytest.fixture
def mirror(tiny_mnist, monkeypatch):
    """Folder that stands for MNIST's only mirror, with the packed `tiny_mnist`."""
    folder = tiny_mnist.parent / "mirror"
    folder.mkdir()
    resources = []
    for path in (tiny_mnist / data.RAW).iterdir():
        packed = gzip.compress(path.read_bytes())
        (folder / f"{path.name}.gz").write_bytes(packed)
        resources.append((f"{path.name}.gz", hashlib.md5(packed).hexdigest()))

    class Server(urllib.request.HTTPHandler):
        def http_open(self, request):
            path = folder / Path(request.selector).name
            if not path.exists():
                raise HTTPError(request.full_url, 404, "File not found", {}, None)
            file = path.open("rb")
            response = urllib.response.addinfourl(file, {}, request.full_url, 200)
            response.msg, response.length = "OK", path.stat().st_size
            return response

    opener = urllib.request.build_opener(Server)
    monkeypatch.setattr(urllib.request, "_opener", opener)
    monkeypatch.setattr(MNIST, "mirrors", ["http://mirror/"])
    monkeypatch.setattr(MNIST, "resources", resources)
    return folder


def test_mnist_comes_back_as_whole_tensors(tiny_mnist):
    for images, labels in data.load_mnist(tiny_mnist):
        assert images.shape == (7, 1, 28, 28)
        assert images.dtype == torch.uint8
        assert images[0, 0, 0, :3].tolist() == [0, 1, 2]
        assert labels.dtype == torch.int64
        assert labels.tolist() == list(range(7))


@pytest.mark.parametrize("name", list(data.SHA256))
def test_damaged_file_is_named(tiny_mnist, name):
    path = tiny_mnist / data.RAW / name
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    with pytest.raises(data.DataError, match=f"{name} is damaged.*delete it"):
        data.load_mnist(tiny_mnist)


def test_missing_files_are_downloaded(mirror, tmp_path):
    (_, labels), _ = data.load_mnist(tmp_path / "new")
    assert labels.tolist() == list(range(7))


def test_failed_download_leaves_no_files(mirror, tmp_path):
    (mirror / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(data.UnavailableError, match="404"):
        data.load_mnist(tmp_path / "new")
    assert not [
        path for path in (tmp_path / "new" / data.RAW).iterdir() if not path.suffix
    ]


def test_stalled_download_is_given_up(mirror, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "STALL_SECONDS", 0.2)
    monkeypatch.setattr(MNIST, "download", lambda self: threading.Event().wait(30))
    with pytest.raises(data.DataError, match="no byte came"):
        data.load_mnist(tmp_path / "new")


def test_auto_announces_that_strokes_stand_in_for_mnist(tmp_path, monkeypatch, capsys):
    def unreachable(self):
        raise URLError("no route")

    monkeypatch.setattr(MNIST, "download", unreachable)
    monkeypatch.setattr(data, "STROKES_TRAIN", (20, 1))
    name, (images, _), _ = data.load_dataset("auto", tmp_path)
    assert (name, len(images)) == ("strokes", 20)
    assert re.search("no route.*stroke digits are used", capsys.readouterr().out)
    with pytest.raises(data.UnavailableError, match="no route"):
        data.load_dataset("mnist", tmp_path)


def test_damaged_mnist_is_no_reason_to_switch(tiny_mnist):
    (tiny_mnist / data.RAW / "t10k-labels-idx1-ubyte").write_bytes(b"")
    for name in ("auto", "mnist"):
        with pytest.raises(data.DataError, match="damaged"):
            data.load_dataset(name, tiny_mnist)


# Model


def save(network, folder):
    return model.save_checkpoint(network, {"dataset": "mnist"}, folder)


def test_network_maps_images_to_logits_within_its_budget():
    network = model.SimpleCNN().eval()
    assert network(random_images(5)).shape == (5, 10)
    assert sum(p.numel() for p in network.parameters()) == model.PARAMETERS


def test_folding_changes_no_output():
    network = model.SimpleCNN(batch_norm=True)
    for norm in (network.norm2, network.norm3):
        norm.running_mean.normal_(generator=seeded())
        norm.running_var.uniform_(0.5, 2, generator=seeded())
        norm.bias.data.normal_(generator=seeded())
    images = random_images(50)
    torch.testing.assert_close(network.fold()(images), network.eval()(images))


def test_checkpoint_brings_back_the_model(tmp_path):
    network = model.SimpleCNN().eval()
    loaded = model.load_checkpoint(save(network, tmp_path))
    assert not loaded.training
    assert loaded.metadata == {"dataset": "mnist"}
    assert torch.equal(loaded(random_images(5)), network(random_images(5)))


def test_checkpoints_of_one_second_are_all_kept(tmp_path):
    network = model.SimpleCNN()
    paths = [save(network, tmp_path) for _ in range(5)]
    assert len(set(paths)) == 5
    assert model.find_checkpoints(tmp_path) == paths == sorted(tmp_path.iterdir())


def test_a_name_that_another_process_is_writing_is_left_alone(tmp_path):
    now = datetime.now()
    seconds = (now + timedelta(seconds=s) for s in range(5))
    names = [second.strftime(model.CHECKPOINT_NAME) for second in seconds]
    taken = [(tmp_path / name).with_suffix(".partial") for name in names]
    for path in taken:
        path.touch()
    assert save(model.SimpleCNN(), tmp_path).name not in names
    assert all(path.exists() and not path.stat().st_size for path in taken)


def test_full_disk_leaves_no_checkpoint(tmp_path, monkeypatch):
    def no_space(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space"):
        save(model.SimpleCNN(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_newest_checkpoint_is_found_by_the_time_in_its_name(tmp_path):
    for name in [
        *("model_20261124_000000.pth", "model_20251231_235959.pth"),
        *(
            "model_20270101_000000.pt",
            "model_99999999_999999.pth",
            "model_2027011_000000.pth",
        ),
        *("my_model_20270101_000000.pth", "model_20270101_000000.partial", "zebra"),
    ]:
        (tmp_path / name).touch()
    assert model.newest_checkpoint(tmp_path).name == "model_20261124_000000.pth"


def test_missing_checkpoint_says_how_to_make_one(tmp_path):
    with pytest.raises(model.CheckpointError, match="run `python train.py`"):
        model.newest_checkpoint(tmp_path)


class Hostile:
    def __init__(self, victim):
        self.victim = victim

    def __reduce__(self):
        return os.mkdir, (str(self.victim),)


def torch_bytes(content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def unusable_contents(good, folder):
    """Contents of a checkpoint file by the reason why they are refused."""
    checkpoint = torch.load(io.BytesIO(good), weights_only=True)
    weights = checkpoint["state_dict"]
    name, first = next(iter(weights.items()))
    encrypted = bytearray(good)
    encrypted[good.rindex(b"PK\1\2") + 8] |= 1
    flipped = bytearray(good)
    flipped[good.index(first.numpy().tobytes())] ^= 1
    hostile = Hostile(folder / "struck")
    return [
        ("is empty", b""),
        ("truncated", good[:-1000]),
        ("truncated or not a checkpoint", b"hello"),
        ("truncated or not a checkpoint", pickle.dumps(hostile)),
        ("damaged in", bytes(flipped)),
        ("truncated or not a checkpoint", bytes(encrypted)),
        *(
            (
                "not a checkpoint of train.py",
                torch_bytes(checkpoint | {"metadata": odd}),
            )
            for odd in ({(1,): 2}, {"dataset": ["mnist"]}, "mnist")
        ),
        ("holds more than tensors", torch_bytes(checkpoint | {"metadata": hostile})),
        ("holds more than tensors", torch_bytes(model.SimpleCNN())),
        ("not a checkpoint of train.py", torch_bytes(weights)),
        ("not a checkpoint of train.py", torch_bytes([1, 2, 3])),
        *(
            (reason, torch_bytes(checkpoint | {"state_dict": changed}))
            for reason, changed in [
                (
                    f"another architecture.*{name}",
                    weights | {name: torch.cat([first] * 2)},
                ),
                (f"another architecture.*{name}", weights | {name: first.double()}),
                (f"another architecture.*{name}", weights | {name: "text"}),
                ("another architecture.*extra", weights | {"extra": torch.zeros(9)}),
                (f"another architecture.*{name}", dict(list(weights.items())[1:])),
                (f"NaN.*{name}", weights | {name: first * float("nan")}),
                (f"infinite.*{name}", weights | {name: first / 0}),
            ]
        ),
    ]


def test_unusable_checkpoints_are_refused_with_the_reason(tmp_path):
    path = save(model.SimpleCNN(), tmp_path)
    for reason, content in unusable_contents(path.read_bytes(), tmp_path):
        path.write_bytes(content)
        with pytest.raises(model.CheckpointError, match=f"{path.name} .*{reason}"):
            model.load_checkpoint(path)
    assert not (tmp_path / "struck").exists()


def test_missing_file_and_folder_are_refused(tmp_path):
    for path in (tmp_path / "missing.pth", tmp_path):
        with pytest.raises(model.CheckpointError, match=f"{path.name} cannot be read"):
            model.load_checkpoint(path)


# Training


def test_adam_equals_torch():
    torch.manual_seed(0)
    ours, theirs = torch.nn.Linear(5, 5), torch.nn.Linear(5, 5)
    theirs.load_state_dict(ours.state_dict())
    optimizer, reference = (
        train.Adam(ours.parameters()),
        torch.optim.Adam(theirs.parameters(), 0.01, train.BETAS),
    )
    for batch in torch.rand(20, 8, 5):
        ours(batch).square().mean().backward()
        optimizer.step(0.01)
        reference.zero_grad()
        theirs(batch).square().mean().backward()
        reference.step()
    torch.testing.assert_close(ours.weight, theirs.weight)


def test_training_learns_a_handful_of_images_by_heart(monkeypatch):
    monkeypatch.setattr(train, "augment", lambda pixels, strength: pixels)
    images, labels = (255 * random_images(20)).byte(), torch.arange(20) % 10
    network = train.train(images, labels, epochs=60, batch_size=10)
    probabilities = evaluation.predict(network, images / 255)
    assert evaluation.accuracy(probabilities, labels) == 100


def test_weights_depend_on_the_seed_alone():
    images, labels = (255 * random_images(300)).byte(), torch.arange(300) % 10
    first, again, other = (
        train.train(images, labels, seed=s).state_dict() for s in (1, 1, 2)
    )
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["fc2.weight"], other["fc2.weight"])


def test_training_that_learns_nothing_saves_nothing(tmp_path, monkeypatch):
    images, labels = (255 * random_images(100)).byte(), torch.arange(100) % 10
    sets = "mnist", (images, labels), (images, labels)
    monkeypatch.setattr(train, "load_dataset", lambda *_: sets)
    monkeypatch.setattr(train, "accuracy", lambda *_: 11.35)
    monkeypatch.setattr(sys, "argv", ["train.py", f"--output-dir={tmp_path}"])
    with pytest.raises(train.DivergenceError, match="learned nothing"):
        train.main()
    assert not list(tmp_path.iterdir())


def test_diverging_training_is_stopped():
    images, labels = (255 * random_images(300)).byte(), torch.arange(300) % 10
    with pytest.raises(train.DivergenceError, match="exploded"):
        train.train(images, labels, learning_rate=1e9)


@pytest.mark.parametrize(
    "option",
    [
        *(
            "--epochs=0",
            "--epochs=1.5",
            "--epochs=1000000",
            "--batch-size=0",
            "--batch-size=-64",
        ),
        *(
            "--batch-size=1000000000",
            "--lr=0",
            "--lr=-1",
            "--lr=nan",
            "--lr=inf",
            "--lr=1e-30",
        ),
        *("--seed=-1", "--output-dir=no/such/folder", f"--output-dir={__file__}"),
    ],
)
def test_senseless_options_are_usage_errors(option, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["train.py", option])
    with pytest.raises(SystemExit) as stopped:
        train.parse_arguments()
    assert stopped.value.code == 2
    assert option.split("=")[0] in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyboardInterrupt(), 130), (data.DataError("no data"), "Error: no data")],
)
def test_train_script_ends_without_traceback_and_leaves_nothing(
    error, code, tmp_path, monkeypatch
):
    def fail(_):
        raise error

    monkeypatch.setattr(data, "load_mnist", fail)
    monkeypatch.setattr(sys, "argv", ["train.py", f"--output-dir={tmp_path}"])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(train.__file__, run_name="__main__")
    assert stopped.value.code == code
    assert not list(tmp_path.iterdir())


# Evaluation and gate


def test_blur_equals_torchvision():
    images = F.pad(random_images(3), [4] * 4)
    expected = tv.gaussian_blur(images, [9, 9], [1.0, 1.0])
    blurred = evaluation.CHANGES["Gaussian Blur σ = 1 px"](images)
    torch.testing.assert_close(blurred[..., 4:-4, 4:-4], expected[..., 4:-4, 4:-4])


def test_changes_alter_images_the_same_way_every_time():
    images = random_images(3)
    for change in evaluation.CHANGES.values():
        assert not torch.equal(change(images), images)
        assert torch.equal(change(images), change(images))


def test_accuracy_and_output_difference_of_known_outputs():
    right, wrong = torch.eye(10), torch.eye(10).roll(1, dims=1)
    assert (
        evaluation.accuracy(torch.cat([right[:3], wrong[3:4]]), torch.arange(4)) == 75
    )
    assert evaluation.output_difference(right, wrong) == pytest.approx(2**0.5)


@pytest.mark.parametrize(
    ("measured", "relation", "required", "passed"),
    [
        *(
            (95.0, "≥", 95.0, True),
            (94.99, "≥", 95.0, False),
            (float("nan"), "≥", 95.0, False),
        ),
        *(
            (1.0, "≤", 1.0, True),
            (1.01, "≤", 1.0, False),
            (float("nan"), "≤", 1.0, False),
        ),
        *((7, "=", 7, True), (8, "=", 7, False), (7, "<", 7, False)),
    ],
)
def test_marks_and_verdict_agree(measured, relation, required, passed):
    lines = []
    checks = gate.Gate(lambda: Path("no.pth"), lines.append)
    failure = (
        contextlib.nullcontext() if passed else pytest.raises(pytest.fail.Exception)
    )
    with failure, checks.test("Test"):
        checks.check("Thing", measured, relation, required, "{}")
    assert [line.split()[0] for line in lines[1:]] == ["✓" if passed else "✗"] * 2


# The gate against planted faults

METADATA = {"dataset": "strokes"}


@pytest.fixture(scope="session")
def trained():
    return train.train(*data.load_dataset("strokes")[1])


def rewrite(path, network, **more):
    state = network if isinstance(network, dict) else network.state_dict()
    path.write_bytes(torch_bytes({"metadata": METADATA | more, "state_dict": state}))


def edit(path, old, new):
    code = path.read_text(encoding="utf-8")
    assert old in code
    path.write_text(code.replace(old, new), encoding="utf-8")


def untrained(network, path):
    rewrite(path, model.SimpleCNN())


def swapped_classes(network, path):
    for parameter in network.fc2.parameters():
        parameter.data[[4, 9]] = parameter.data[[9, 4]]
    rewrite(path, network)


def noise_in_the_weights(network, path):
    images, labels = data.load_test_set("strokes")
    torch.manual_seed(0)
    measured = 100
    while measured >= test_model.MIN_ACCURACY["strokes"]:
        for weights in network.parameters():
            weights.data += 0.02 * weights.std() * torch.randn_like(weights)
        measured = evaluation.accuracy(
            evaluation.predict(network, images / 255), labels
        )
    rewrite(path, network)


def no_augmentation(network, path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "augment", lambda pixels, strength: pixels)
        rewrite(path, train.train(*data.load_dataset("strokes")[1]))


def one_nan_weight(network, path):
    network.fc1.weight.data[0, 0] = float("nan")
    rewrite(path, network)


def wider_network(network, path):
    network.fc1 = torch.nn.Linear(network.fc1.in_features, 64)
    rewrite(path, network)


def wider_code(network, path):
    edit(path.with_name("model.py"), "PARAMETERS = ", "PARAMETERS = -1 + ")


def truncated(network, path):
    path.write_bytes(path.read_bytes()[:-100])


def empty(network, path):
    path.write_bytes(b"")


def missing(network, path):
    path.unlink()


def folder(network, path):
    path.unlink()
    path.mkdir()


def hostile_pickle(network, path):
    rewrite(path, network, note=Hostile(path.with_name("struck")))


def padded_buffers(network, path):
    rewrite(path, network.state_dict() | {"padding": torch.zeros(10**6)})


def padded_file(network, path):
    rewrite(path, network, padding="x" * 10**6)


def ten_times_slower(network, path):
    edit(
        path.with_name("model.py"),
        "    def forward(self, images):",
        "    def forward(self, images):\n"
        "        return [self.once(images) for _ in range(10)][0]\n\n"
        "    def once(self, images):",
    )


def false_mark(network, path):
    edit(path.with_name("gate.py"), "self.line(check.passed,", "self.line(True,")
    rewrite(path, model.SimpleCNN())


def unknown_data_set(network, path):
    rewrite(path, network, dataset="emnist")


def timid(network, path):
    for parameter in network.fc2.parameters():
        parameter.data *= 0.01
    rewrite(path, network)


def overconfident(network, path):
    for parameter in network.fc2.parameters():
        parameter.data *= 1000
    rewrite(path, network)


FAULTS = {  # what the gate must say
    timid: "Test Cross-Entropy: ",
    overconfident: "Test Cross-Entropy: ",
    untrained: "Test Accuracy: ",
    swapped_classes: "Test Accuracy: ",
    noise_in_the_weights: "Test Accuracy: ",
    no_augmentation: "Fresh Random Warps, Accuracy: ",
    one_nan_weight: "NaN or infinite weights in fc1.weight",
    wider_network: "another architecture (it differs in fc1.",
    wider_code: "Parameter Budget: ",
    truncated: "is truncated",
    empty: "is empty",
    missing: "run `python train.py`",
    folder: "cannot be read",
    hostile_pickle: "holds more than tensors",
    padded_buffers: "another architecture (it differs in padding)",
    padded_file: "Checkpoint File: ",
    ten_times_slower: "Latency at Batch Size ",
    false_mark: "The mark printed for Test Accuracy",
    unknown_data_set: "does not say what it was trained on",
}


def run_gate(folder):
    """Exit codes and outputs of both ways to run the gate in `folder`, at once."""
    commands = ([sys.executable, "test_model.py"], [sys.executable, "-m", "pytest"])
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"}
    options = {"stdout": subprocess.PIPE, "encoding": "utf-8", "env": environment}
    runs = [subprocess.Popen(command, cwd=folder, **options) for command in commands]
    return [(run.communicate()[0], run.returncode) for run in runs]


@pytest.fixture
def release(trained, tmp_path):
    """Copy of the gate beside a good checkpoint, whose path this is."""
    here = Path(__file__).parent
    for source in (*here.glob("*.py"), here / "pytest.ini"):
        if source.name != Path(__file__).name:
            shutil.copy(source, tmp_path)
    return model.save_checkpoint(trained, METADATA, tmp_path)


@pytest.mark.slow
def test_good_model_passes_the_gate(release):
    for output, code in run_gate(release.parent):
        assert code == 0, output
        assert "✗" not in output


@pytest.mark.slow
@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__)
def test_gate_catches(plant, trained, release):
    plant(copy.deepcopy(trained), release)
    for output, code in run_gate(release.parent):
        assert code == 1
        assert FAULTS[plant] in output.partition("= FAILURES =")[2]
    assert not release.with_name("struck").exists()
