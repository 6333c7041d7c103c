"""Pictures are read in order, and bad ones get one sentence each."""

import pytest
import torch
from PIL import Image, ImageDraw
from samples import save_network

import predict
from model import SimpleCNN
from pipeline.cli import UserError
from pipeline.data import DATASETS, DIGITS


@pytest.fixture
def read(call, tmp_path, monkeypatch, capsys):
    """Return a function that calls predict.py in a folder with a checkpoint and two pictures."""
    monkeypatch.chdir(tmp_path)
    picture = Image.new("L", (300, 200), 220)
    picture.save("blank.png")
    ImageDraw.Draw(picture).line((150, 40, 140, 160), 30, 15)
    picture.save("good.png")
    save_network(network=SimpleCNN(), dataset="synthetic", classes=DIGITS)

    def read(*arguments):
        code = call(predict, *arguments)
        return code, *map(str.splitlines, capsys.readouterr())

    return read


def test_what_the_network_sees_is_shown_in_a_new_folder(read, tmp_path):
    code, (folder, *answers), errors = read("--show", "good.png", "./good.png")
    assert (code, errors) == (0, [])
    assert [answer.split(":")[0] for answer in answers] == ["good.png", "good.png"]
    seen, again = sorted(tmp_path.glob("seen_*/*.png"))
    assert folder.endswith(str(seen.parent))
    assert (seen.name, again.name) == ("1_good.png.png", "2_good.png.png")
    with Image.open(seen) as picture:
        assert (picture.size, picture.getextrema()) == ((280, 280), (0, 255))


def test_bad_pictures_get_a_sentence_and_the_others_are_read(read, tmp_path):
    (tmp_path / "text.png").write_text("hello")
    code, (answer,), errors = read("text.png", "a\n.png", "blank.png", "good.png")
    assert code == 1
    assert answer.startswith("good.png: ")
    text, missing, blank = errors
    assert text.startswith("Error: text.png cannot be read")
    assert missing.startswith("Error: a?.png is not a file")
    assert blank.startswith("Error: blank.png has nothing drawn")


def test_unsure_answer_has_the_second_class():
    unsure = torch.tensor([0.0, 0.352, 0.61, 0.038])
    assert predict.describe(unsure, list("3578")) == "7 (61.0%) or 5 (35.2%)"
    assert predict.describe(torch.tensor([0.992, 0.008]), list("75")) == "7 (99.2%)"


def test_pictures_are_read_as_the_data_set_says(read, monkeypatch):
    dataset = DATASETS["synthetic"]._replace(read_picture=lambda picture: 1 / 0)
    monkeypatch.setitem(DATASETS, "synthetic", dataset)
    with pytest.raises(ZeroDivisionError):
        read("good.png")


def test_prediction_that_is_not_finite_is_refused(read):
    huge = SimpleCNN()
    huge.norm3.bias.data.fill_(9)  # so that the inputs of the last layer are positive
    huge.linear4.weight.data.fill_(3e38)
    path = save_network(network=huge, dataset="synthetic", classes=DIGITS)
    path.rename("huge.pth")  # the newest checkpoint is another one
    with pytest.raises(UserError, match="probabilities that are not finite"):
        read("good.png", "--checkpoint=huge.pth")
