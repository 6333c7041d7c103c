"""Test that pictures are read in order, and that errors are one sentence each."""

import pytest
import torch
from PIL import Image
from samples import save_network
from sheets import to_bytes

import predict
from model import SimpleCNN
from pipeline.cli import UserError
from pipeline.data import DATASETS, DIGITS
from pipeline.synthetic import generate_digits


@pytest.fixture
def read(call, tmp_path, monkeypatch, capsys):
    """Function that reads pictures in a folder with a checkpoint and good.png.

    It returns the exit code, and the lines on stdout and stderr.
    """
    monkeypatch.chdir(tmp_path)
    Image.fromarray(to_bytes(generate_digits(1, 5)[0])[0]).save("good.png")
    save_network(network=SimpleCNN(), dataset="synthetic", classes=DIGITS)

    def read(*arguments):
        code = call(predict, *arguments)
        return code, *map(str.splitlines, capsys.readouterr())

    return read


def test_pictures_are_read_in_order_and_shown_in_a_new_folder(read, tmp_path):
    (tmp_path / "-dash.png").write_bytes((tmp_path / "good.png").read_bytes())
    code, lines, errors = read("--show", "--", "good.png", "-dash.png")
    assert (code, errors) == (0, [])
    folder, first, second = lines
    assert first.startswith("good.png: ")
    assert second == first.replace("good.png", "-dash.png")
    seen, other = sorted(tmp_path.glob("seen_*/*.png"))
    assert folder.endswith(str(seen.parent))
    assert (seen.name, other.name) == ("1_good.png.png", "2_-dash.png.png")
    with Image.open(seen) as picture:
        assert picture.size == (280, 280)


def test_unsure_answer_has_the_second_class():
    unsure = torch.tensor([0.0, 0.352, 0.61, 0.038])
    assert predict.describe(unsure, list("3578")) == "7 (61.0%) or 5 (35.2%)"
    assert predict.describe(torch.tensor([0.992, 0.008]), list("75")) == "7 (99.2%)"


def test_bad_pictures_get_a_sentence_and_the_others_are_read(read, tmp_path):
    (tmp_path / "text.png").write_text("hello")
    Image.new("L", (300, 200), 220).save(tmp_path / "blank.png")
    code, (answer,), errors = read("text.png", "a\n.png", "blank.png", "good.png")
    assert code == 1
    assert answer.startswith("good.png: ")
    text, missing, blank = errors
    assert text.startswith("Error: text.png cannot be read")
    assert missing.startswith("Error: a?.png is not a file")
    assert "Error: blank.png has nothing drawn" in blank


def test_name_of_a_picture_is_printable_everywhere(read, tmp_path, monkeypatch):
    good = Image.open("good.png")
    monkeypatch.setattr(predict, "open_picture", lambda path: good)
    _, (_, answer), _ = read("--show", "a\n\x1b[1m?b.png")
    assert answer.startswith("a??[1m?b.png: ")
    assert [path.name for path in tmp_path.glob("seen_*/*")] == ["1_a___1m_b.png.png"]


def test_pictures_are_read_as_the_data_set_says(read, monkeypatch):
    dataset = DATASETS["synthetic"]._replace(read_picture=lambda picture: 1 / 0)
    monkeypatch.setitem(DATASETS, "synthetic", dataset)
    with pytest.raises(ZeroDivisionError):
        read("good.png")


def test_prediction_that_is_not_finite_is_refused(read):
    huge = SimpleCNN()
    huge.linear4.weight.data.fill_(3e38)
    path = save_network(network=huge, dataset="synthetic", classes=DIGITS)
    with pytest.raises(UserError, match="probabilities that are not finite"):
        read("good.png", f"--checkpoint={path}")
