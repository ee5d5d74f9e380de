"""Real sources, from a Mutopia tree: the promises of the alignment on pieces that are hard in some way."""

import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import msmdtools
from msmdtools.base import resources
from msmdtools.cli import main

pytestmark = pytest.mark.slow

HARD = {
    "BachJS__BWV869__bwv869b": "a MIDI track for each voice, five voices",
    "BachJS__BWVAnh117b__BWV-117b": "hidden heads",
    "BachJS__BWV829__52title-hub": "files in another folder, grace notes",
    "BeethovenLv__O129__beethoven_rondo_op129": "calls unfold-repeats with old arguments",
    "BeethovenLv__O27__moonlight1-a4": "crashes LilyPond when it collects garbage",
    "BeethovenLv__O90__LVB_Sonate_90_1": "needs a correction",
    "BurgmullerJFF__O100__25EF-14": "ticks that come out one less in floating point",
    "ChopinFF__O10__chp-10-05-a4": "syntax of LilyPond 2.6, needs a correction",
    "ChopinFF__O25__chopin-op-25-01": "small heads",
    "MinkusLA__bayadere-acteII__bayadere-acteII": "begins with a grace note",
    "MussorgskyM__pictures-at-an-exhibition__baba": "tremolos",
    "SatieE__Gnossienne__no_3": "no bar lines",
    "VerdiG__Traviata_18__Traviata_18": "a tremolo through the whole piece",
}


@pytest.fixture(scope="module")
def dataset(
    mutopia: Path, soundfont: Path, tmp_path_factory: pytest.TempPathFactory
) -> "msmdtools.Dataset":
    folder = tmp_path_factory.mktemp("mutopia")
    manifest = pd.read_csv(resources.manifest("msmd-v1.1"), dtype=str, keep_default_na=False)
    manifest[manifest["piece"].isin(HARD)].to_csv(folder / "hard.csv", index=False)
    arguments = ["build", "--manifest", str(folder / "hard.csv"), "--root", str(mutopia)]
    arguments += ["--out", str(folder / "dataset"), "--soundfonts", "TimGM6mb", "--json"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    totals = json.loads(result.stdout)["totals"]
    assert totals["ok"] == len(HARD)
    return msmdtools.open(folder / "dataset")


def test_every_head_sounds_or_says_why_not(dataset: "msmdtools.Dataset") -> None:
    for name in dataset.ids:
        heads = dataset[name].noteheads
        silent = heads[heads["role"] == "silent"]
        assert set(heads["role"]) <= {"played", "tied", "silent"}, name
        assert (silent["reason"] != "").all(), name
        assert (silent["reason"] != "not-performed").all(), name
        assert (heads[heads["role"] != "silent"]["event"] >= 0).all(), name
    sounding = pd.concat([dataset[name].noteheads["role"] != "silent" for name in dataset.ids])
    assert sounding.mean() >= 0.999


def test_every_event_has_a_head_or_says_why_not(dataset: "msmdtools.Dataset") -> None:
    for name in dataset.ids:
        events = dataset[name].events()
        without = events[events["heads"] == 0]
        assert (without["reason"] != "").all(), name
        assert (events[events["heads"] > 0]["reason"] == "").all(), name


def test_a_played_head_has_its_events_pitch(dataset: "msmdtools.Dataset") -> None:
    for name in dataset.ids:
        heads, events = dataset[name].noteheads, dataset[name].events()
        played = heads[heads["role"] == "played"].merge(events, on="event")
        assert (played["pitch_x"] == played["pitch_y"]).all(), name


def test_corrections_are_recorded(dataset: "msmdtools.Dataset") -> None:
    corrected = dataset.pieces.set_index("piece")["correction"]
    assert "X-offset" in corrected["BeethovenLv__O90__LVB_Sonate_90_1"]
    assert corrected["SatieE__Gnossienne__no_3"] == ""


def test_it_validates(dataset: "msmdtools.Dataset") -> None:
    result = CliRunner().invoke(main, ["validate", str(dataset.path)])
    assert result.exit_code == 0, result.output
