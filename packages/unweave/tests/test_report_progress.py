"""The progress of a training: on a narrow terminal, and in a file."""

import io
import re
import sys

import pytest
from rich.console import Console

from unweave import progress

TERMS = {"loss": 1.25, "reconstruction": 3.2123, "total_correlation": -1.4, "kl": 0.5}


def screen(monkeypatch, capsys, width):
    monkeypatch.setattr(
        progress, "Console",
        lambda stderr: Console(file=sys.stderr, force_terminal=True, width=width),
    )  # fmt: skip
    monkeypatch.setattr(progress.TaskBar, "_rate", lambda *_: "44.3 steps/s")
    bar = progress.TrainingProgress()
    bar.start(0, 200_000)
    bar.logged(120_000, TERMS)
    bar.close()
    return capsys.readouterr().err


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_bar_count_and_time_left_survive_a_narrow_terminal(monkeypatch, capsys, width):
    text = screen(monkeypatch, capsys, width)
    assert "120000/200000" in text
    assert "left" in text
    lines = re.split("[\r\n]", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text))
    bars = [line for line in lines if "/200000" in line]
    assert max(map(len, bars)) <= width
    assert ("44.3 steps/s" in bars[-1]) == (width >= 66)
    assert ("loss 1.25" in bars[-1]) == (width >= 80)
    assert ("kl 0.5" in bars[-1]) == (width >= 200)


def test_what_does_not_fit_is_left_out_whole():
    assert progress.fitting(["ab", "cde", "f"], 7) == "ab  cde"
    assert progress.fitting(["ab", "cde", "f"], 6) == "ab"
    assert progress.fitting(["abc"], 2) == ""


def test_a_file_gets_the_terms_too(monkeypatch):
    file = io.StringIO()
    monkeypatch.setattr(progress, "Console", lambda stderr: Console(file=file))
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    bar = progress.TrainingProgress()
    bar.start(0, 100)
    bar.logged(50, TERMS)
    bar.stepped(51)
    *_, last = file.getvalue().strip().split("\n")
    assert "training: 51 of 100" in last
    assert "loss 1.25" in last
    assert "kl 0.5" in last


def test_the_end_says_the_last_loss_and_the_time(capsys):
    bar = progress.TrainingProgress()
    bar.start(0, 100)
    bar.logged(100, TERMS)
    bar.close()
    assert "loss 1.25 at step 100, after 0.0 s" in capsys.readouterr().err


def test_a_note_is_said_once(capsys):
    bar = progress.TrainingProgress()
    bar.say("rendered")
    bar.say("rendered")
    assert capsys.readouterr().err == "rendered\n"
