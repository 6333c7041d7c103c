"""Pictures of any kind are brought to MNIST's form, or refused in one sentence."""

import io
import sys

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFilter

import predict
from experiments.photos import KINDS, photograph, to_bytes
from model import SimpleCNN
from pipeline import checkpoint, data, pictures, strokes
from pipeline.cli import UserError
from pipeline.framing import PEN_RANGE, frame
from pipeline.pictures import open_picture, prepare


@pytest.fixture(scope="module")
def digits():
    """Stroke digits (10, 28, 28) uint8."""
    return to_bytes(strokes.draw_digits(10, 5)[0])


def as_canvas(digit):
    """Black on a clear ground, as a browser saves a drawing."""
    clear = Image.new("RGBA", (28, 28))
    clear.putalpha(Image.fromarray(digit))
    return clear.resize((280, 280), Image.Resampling.BICUBIC)


def as_paper(digit, mode="L"):
    """Dark grey on light grey, somewhere on a sheet."""
    sheet = np.full((400, 300), 230, np.uint8)
    enlarged = Image.fromarray(digit).resize((168, 168), Image.Resampling.BICUBIC)
    sheet[150:318, 60:228] -= (np.asarray(enlarged) * 0.7).astype(np.uint8)
    return Image.fromarray(sheet).convert(mode)


def with_border(digit):
    picture = np.array(as_paper(digit))
    picture[:8] = picture[-8:] = 30
    picture[:, :8] = picture[:, -8:] = 30
    picture[100:104, 270:274] = 30  # and a speck
    return Image.fromarray(picture)


def sixteen_bits(digit):
    return Image.fromarray(np.asarray(as_paper(digit)).astype(np.uint16) * 200)


def turned_by_its_camera(digit):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees
    file = io.BytesIO()
    turned = as_paper(digit).transpose(Image.Transpose.ROTATE_90)
    turned.save(file, "JPEG", exif=exif)
    return Image.open(file)


@pytest.mark.parametrize(
    "make",
    [
        as_canvas,
        as_paper,
        with_border,
        sixteen_bits,
        turned_by_its_camera,
        lambda digit: as_paper(digit, "P"),
        lambda digit: as_paper(digit, "RGB"),
        lambda digit: as_paper(digit, "CMYK"),
        lambda digit: as_paper(digit, "LA"),
        lambda digit: photograph(digit, 0),
        lambda digit: photograph(digit, 0, light_on_dark=True),
    ],
)
def test_pictures_come_out_as_the_digit_on_them(digits, make):
    differences = []
    for digit in digits:
        pixels = prepare(make(digit))
        assert pixels.shape == (1, 1, 28, 28)
        assert 0 <= pixels.min() <= pixels.max() <= 1
        differences.append((pixels[0, 0] - torch.from_numpy(digit / 255)).abs().mean())
    assert torch.stack(differences).mean() < 0.075  # half of it for a pixel's shift


def test_picture_as_large_as_mnist_is_framed_wherever_its_digit_stands(digits):
    for digit in digits:
        expected = frame(digit / np.float32(255))
        torch.testing.assert_close(prepare(Image.fromarray(digit)), expected)
        moved = Image.fromarray(digit).crop((4, 4, 24, 24)).resize((14, 14))
        aside = Image.new("L", (28, 28))
        aside.paste(moved, (12, 13))
        expected = frame(np.asarray(moved) / np.float32(255))
        torch.testing.assert_close(prepare(aside), expected)


def test_digit_that_was_stretched_to_a_square_becomes_narrower(digits):
    digit = Image.fromarray(digits[5] // 128 * 255)
    stretched = digit.crop(digit.getbbox()).resize((16, 16), Image.Resampling.NEAREST)
    for picture in (stretched, stretched.point(lambda value: 255 - value)):
        rows, columns = (prepare(picture)[0, 0] > 0.3).nonzero().mT
        assert rows.max() - rows.min() == 19
        assert columns.max() - columns.min() == 15


def test_dim_end_of_a_narrow_sheet_is_not_ink(digits):
    light = 240 - 150 * np.linspace(0, 1, 300) ** 3 + np.zeros((130, 1))
    digit = np.asarray(Image.fromarray(digits[3]).resize((112, 112)))
    light[9:121, 20:132] *= 1 - 0.7 * digit / 255
    pixels = prepare(Image.fromarray(light.astype(np.uint8)))
    assert (pixels - frame(digit / np.float32(255))).abs().mean() < 0.06


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if "Photograph" not in kind], ids=str
)
def test_kinds_of_pictures_come_out_as_the_digit_on_them(digits, kind):
    limit = 0.13 if "thick" in kind else 0.08
    for seed, digit in enumerate(digits[:4]):
        pixels = prepare(KINDS[kind](digit, seed))
        expected = frame(digit / np.float32(255))
        assert (pixels - expected).abs().mean() < limit


MODES = [
    "1",
    "L",
    "P",
    "RGB",
    "RGBA",
    "CMYK",
    "YCbCr",
    "LAB",
    "HSV",
    "I",
    "F",
    "LA",
    "PA",
    "RGBX",
    "RGBa",
    "La",
    "I;16",
    "I;16B",
]


@pytest.mark.parametrize("mode", MODES)
def test_any_picture_is_prepared_or_refused_in_a_sentence(mode):
    random = np.random.default_rng(0)
    for width, height in [(1, 1), (1, 40), (7, 9), (28, 28), (60, 45), (300, 20)]:
        for content in ("noise", "spot", "plain"):
            size = len(Image.new(mode, (width, height)).tobytes())
            values = np.full(size, random.integers(256), np.uint8)
            if content == "noise":
                values = random.integers(0, 256, size, np.uint8)
            elif content == "spot":
                values[size // 3 : size // 2] = random.integers(256)
            picture = Image.frombytes(mode, (width, height), values.tobytes())
            try:
                pixels = prepare(picture)
            except ValueError as error:
                assert str(error).startswith(("has ", "is ", "seems "))
            else:
                assert pixels.shape == (1, 1, 28, 28)
                assert 0 <= pixels.min() <= pixels.max() <= 1


def test_digit_that_is_faint_everywhere_is_framed():
    assert frame(np.full((3, 9), 0.3, np.float32)).isfinite().all()


def test_ink_may_cover_more_than_the_ground():
    picture = Image.new("L", (100, 140), 235)
    ImageDraw.Draw(picture).ellipse((0, 0, 99, 139), fill=30, outline=30)
    ImageDraw.Draw(picture).ellipse((25, 35, 75, 105), fill=235)
    row = prepare(picture)[0, 0, 14]
    assert row[14] < 0.5 < row.max()
    assert row[0] == 0


def test_bar_that_fills_its_picture_is_read():
    """Most of such a ground is the bar's soft edge, and so is uneven."""
    bar = Image.new("L", (150, 300), 235)
    ImageDraw.Draw(bar).rectangle((60, 20, 90, 280), fill=30)
    soft = bar.filter(ImageFilter.GaussianBlur(8)).crop((50, 12, 100, 288))
    pixels = prepare(soft)
    assert pixels[0, 0, 5:23, 12:16].mean() > 0.4
    assert pixels[0, 0, :, :9].max() == 0


def boxed(digit):
    sheet = Image.new("L", (400, 400), 240)
    ImageDraw.Draw(sheet).rectangle((60, 60, 340, 340), outline=20, width=4)
    return sheet


def side_by_side(digit):
    sheet = Image.new("L", (700, 400), 235)
    for left in (100, 400):
        sheet.paste(40, (left, 100), Image.fromarray(digit).resize((200, 200)))
    return sheet


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (boxed, "nothing drawn"),
        (side_by_side, "several digits: crop one"),
        (lambda digit: as_paper(digit).resize((7, 9)), "less than 8 pixels"),
        (lambda digit: Image.new("L", (5, 5)), "too small"),
        (lambda digit: Image.new("L", (2, 2), 255).crop((-13, -13, 15, 15)), "of less"),
        (lambda digit: Image.fromarray(np.full((50, 50), np.nan)), "without a value"),
    ],
)
def test_what_holds_no_single_digit_is_refused(digits, make, reason):
    with pytest.raises(ValueError, match=reason):
        prepare(make(digits[3]))


def test_small_digit_on_a_large_photograph_is_found(digits):
    y, x = np.mgrid[-1:1:1500j, -1:1:2000j]
    photo = 235 - 60 * (x**2 + y**2) + np.random.default_rng(0).normal(0, 4, x.shape)
    large = Image.fromarray(digits[3]).resize((126, 126), Image.Resampling.BICUBIC)
    photo[900:1026, 300:426] *= 1 - 0.75 * np.asarray(large) / 255
    pixels = prepare(Image.fromarray(photo.clip(0, 255).astype(np.uint8)))
    assert (pixels - frame(digits[3] / np.float32(255))).abs().mean() < 0.08


def test_broken_exif_is_ignored(tmp_path, digits):
    path = tmp_path / "a.png"
    as_paper(digits[3]).save(path, exif=b"Exif\0\0garbage")
    picture = open_picture(path)
    assert torch.equal(prepare(picture), prepare(as_paper(digits[3])))


def test_pen_comes_near_that_of_mnist():
    for width in (4, 40):
        picture = np.full((300, 300), 255, np.uint8)
        picture[50:250, 150 - width // 2 : 150 + width // 2] = 0
        pixels = prepare(Image.fromarray(picture))
        assert PEN_RANGE[0] - 0.5 < pixels.sum() / 20 < PEN_RANGE[1] + 0.5


@pytest.fixture
def run(tmp_path, monkeypatch, capsys, digits):
    """Function that runs the script on files and gives exit code and both outputs."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(digits[0]).save("good.png")
    record = {"dataset": "mnist", "classes": data.DIGITS, "test_accuracy": 10.0}
    checkpoint.save_checkpoint(SimpleCNN(), record)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["predict.py", *arguments])
        with pytest.raises(SystemExit) as stopped:
            predict.main()
        return stopped.value.code, *capsys.readouterr()

    return run


def test_good_pictures_are_read_in_order(run, tmp_path):
    code, out, err = run("good.png", "--show", "good.png")
    assert (code, err) == (0, "")
    first, second = out.splitlines()
    assert first == second
    assert first.startswith("good.png: ")
    with Image.open(tmp_path / "seen" / "1_good.png.png") as seen:
        assert seen.size == (280, 280)


def test_options_stand_anywhere_and_names_may_begin_with_a_dash(run, tmp_path):
    (tmp_path / "-dash.png").write_bytes((tmp_path / "good.png").read_bytes())
    code, out, err = run("good.png", "--show", "good.png", "--", "-dash.png")
    assert (code, err) == (0, "")
    assert out.splitlines()[2].startswith("-dash.png: ")


def test_name_of_a_picture_stays_on_its_line(run, monkeypatch):
    assert run("no\npicture")[2].startswith("Error: no?picture ")
    monkeypatch.setattr(predict, "open_picture", lambda path: Image.open("good.png"))
    assert run("a\nb.png")[1].startswith("a?b.png: ")


def test_show_overwrites_nothing(run, tmp_path):
    (tmp_path / "seen").mkdir()
    run("--show", "good.png")
    assert not list((tmp_path / "seen").iterdir())
    assert [path.name for path in (tmp_path / "seen-2").iterdir()] == ["1_good.png.png"]


def test_second_guess_is_told_where_the_first_is_unsure():
    unsure = torch.tensor([0.0, 0.352, 0, 0, 0, 0, 0, 0.61, 0.038, 0])
    assert predict.describe_guess(unsure, data.DIGITS) == "7 (61.0%) or 1 (35.2%)"
    sure = torch.tensor([0.0, 0.008, 0, 0, 0, 0, 0, 0.992, 0, 0])
    assert predict.describe_guess(sure, data.DIGITS) == "7 (99.2%)"


def test_bad_pictures_get_a_sentence_each_and_the_others_go_on(
    run, tmp_path, monkeypatch
):
    (tmp_path / "text.png").write_text("hello")
    good = (tmp_path / "good.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(good[:-60])
    (tmp_path / "folder.png").mkdir()
    Image.new("L", (300, 200), 220).save(tmp_path / "blank.png")
    Image.new("RGBA", (300, 200)).save(tmp_path / "clear.png")
    Image.new("L", (400, 400)).save(tmp_path / "huge.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)
    reasons = {
        "text.png": "is not a picture",
        "cut.png": "cannot be read",
        "missing.png": "No such file",
        "folder.png": "is not a file",
        "blank.png": "nothing drawn",
        "clear.png": "nothing drawn",
        "huge.png": "too many pixels",
    }
    code, out, err = run(*reasons, "good.png")
    assert code == 1
    assert out.startswith("good.png: ")
    lines = err.splitlines()
    assert len(lines) == len(reasons)
    for line, (name, reason) in zip(lines, reasons.items(), strict=True):
        assert line.startswith(f"Error: {name} ")
        assert reason in line


def test_missing_checkpoint_is_a_sentence(run, tmp_path):
    with pytest.raises(UserError, match="missing.pth is not a file"):
        run("--checkpoint", "missing.pth", "good.png")


def test_folder_of_pictures_by_class_is_loaded_or_refused_by_name(tmp_path, digits):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        Image.fromarray(digits[0]).save(tmp_path / name / "a.png")
    images, labels = pictures.load_folder(tmp_path, ["two", "one"])
    assert images.shape == (2, 1, 28, 28)
    assert labels.tolist() == [0, 1]
    (tmp_path / "three").mkdir()  # without a picture
    for classes in (["one"], ["one", "two", "three"]):
        with pytest.raises(UserError, match=r"holds one, two, not those of one"):
            pictures.load_folder(tmp_path, classes)
    Image.new("L", (99, 99)).save(tmp_path / "two" / "b.png")
    with pytest.raises(UserError, match=r"b.png has nothing drawn"):
        pictures.load_folder(tmp_path, ["one", "two"])
