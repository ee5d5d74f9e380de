"""The sound itself: what is heard, when, how loud, and that it is the same again."""

import hashlib
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from msmdtools.errors import PieceError, SoundfontError, ToolError
from msmdtools.features import frame_count, spectrogram
from msmdtools.inputs import audio as recordings
from msmdtools.perform import events, level, perform, synth
from msmdtools.performance import PerformanceSpec
from msmdtools.score import Music, Note, PedalChange, TempoChange

SPEC = PerformanceSpec(1.0, "TimGM6mb")


def note(onset: int, offset: int, pitch: int = 60, velocity: int = 64, drum: bool = False) -> Note:
    return Note(onset, offset, pitch, velocity, 1 if drum else 0, drum, 1, "")


def music(*notes: Note, pedals: tuple[PedalChange, ...] = ()) -> Music:
    ordered = sorted(notes, key=lambda n: (n.onset_tick, n.channel, n.pitch))
    return Music(tuple(ordered), (TempoChange(0, 500_000),), pedals)


# Staccato notes seconds apart, at ticks that fall anywhere in a block of 64 samples.
SPARSE = music(*(note(at, at + 48, 72) for at in (1, 1601, 3333, 4903, 6511, 8009)))


def loudness(audio: npt.NDArray[np.int16]) -> float:
    return float(np.sqrt(np.mean(audio.astype(float) ** 2)))


def measured_onsets(audio: npt.NDArray[np.int16]) -> npt.NDArray[np.float64]:
    """Seconds at which the level comes over a tenth of the highest, after 0.3 s below it."""
    loud = np.flatnonzero(np.abs(audio.astype(int)) > np.abs(audio.astype(int)).max() / 10)
    return loud[np.diff(loud, prepend=-22050) > 0.3 * 22050] / 22050


def test_notes_are_heard_when_they_should_be(soundfont: Path) -> None:
    audio = synth.render(SPARSE, SPEC, soundfont)
    heard = measured_onsets(audio)
    wanted = np.array([event.onset_s for event in events(SPARSE, SPEC)])
    assert len(heard) == len(wanted)
    delay = heard - wanted
    assert np.abs(delay).max() < 0.003
    # Beside the attack of the sample itself that is half a block, 32 / 22050 s, at most.
    assert delay.max() - delay.min() <= 64 / 22050


def test_audio_ends_a_second_after_the_last_release(soundfont: Path) -> None:
    audio = synth.render(music(note(0, 384)), SPEC, soundfont)
    assert audio.dtype == np.int16
    assert len(audio) == round(1.5 * 22050)
    held = music(note(0, 384), pedals=(PedalChange(0, 0, 127), PedalChange(768, 0, 0)))
    assert len(synth.render(held, SPEC, soundfont)) == round(2.0 * 22050)


def test_tempo_two_is_twice_as_fast(soundfont: Path) -> None:
    fast = PerformanceSpec(2.0, "TimGM6mb")
    audio = synth.render(SPARSE, fast, soundfont)
    last = SPARSE.notes[-1].offset_tick / 384 / 2
    assert len(audio) / 22050 == pytest.approx(last / 2 + 1.0, abs=1 / 22050)
    slow = np.array([event.onset_s for event in events(SPARSE, SPEC)])
    np.testing.assert_allclose(measured_onsets(audio), slow / 2, rtol=0, atol=0.003)


def test_same_samples_whatever_was_rendered_before(soundfont: Path) -> None:
    chord = music(*(note(0, 384 * 2, pitch) for pitch in (48, 60, 64, 67)))
    other = music(*(note(i * 50, i * 50 + 400, 40 + i, drum=i % 3 == 0) for i in range(30)))
    first = synth.render(chord, SPEC, soundfont)
    for program in range(0, 40, 2):  # more programs than are kept loaded
        synth.render(other, PerformanceSpec(1.3, "TimGM6mb", program), soundfont)
    again = synth.render(chord, SPEC, soundfont)
    np.testing.assert_array_equal(first, again)


def test_same_samples_in_another_process(soundfont: Path) -> None:
    code = f"""
import hashlib, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from test_perform_audio import SPARSE, SPEC
from msmdtools.perform import synth
audio = synth.render(SPARSE, SPEC, Path({str(soundfont)!r}))
print(hashlib.sha256(audio.tobytes()).hexdigest())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = hashlib.sha256(synth.render(SPARSE, SPEC, soundfont).tobytes()).hexdigest()
    assert done.stdout.strip() == here
    assert done.stderr == ""


def test_program_and_velocity_are_heard(soundfont: Path) -> None:
    piece = music(note(0, 384, 60, 30), note(384, 768, 64, 30))
    piano = synth.render(piece, SPEC, soundfont)
    organ = synth.render(piece, PerformanceSpec(1.0, "TimGM6mb", program=19), soundfont)
    assert len(piano) == len(organ)
    early, late = slice(2500, 4000), slice(9000, 10500)  # of a note of half a second
    assert loudness(organ[late]) > 0.9 * loudness(organ[early])
    assert loudness(piano[late]) < 0.7 * loudness(piano[early])
    soft = synth.render(piece, PerformanceSpec(1.0, "TimGM6mb", velocity=None), soundfont)
    assert loudness(soft) < 0.6 * loudness(piano)
    same = synth.render(piece, PerformanceSpec(1.0, "TimGM6mb", velocity=30), soundfont)
    np.testing.assert_array_equal(soft, same)


def test_drums_sound_as_drums(soundfont: Path) -> None:
    drum = synth.render(music(note(0, 96, 38, drum=True)), SPEC, soundfont)
    piano = synth.render(music(note(0, 96, 38)), SPEC, soundfont)

    def brightness(audio: npt.NDArray[np.int16]) -> float:
        power = np.abs(np.fft.rfft(audio[:8192].astype(float))) ** 2
        return float(power @ np.arange(len(power)) / power.sum())

    assert loudness(drum) > 20
    assert brightness(drum) > 1.5 * brightness(piano)


def test_pedal_holds_a_released_note(soundfont: Path) -> None:
    dry = synth.render(music(note(0, 96), note(1152, 1153, 20)), SPEC, soundfont)
    held = synth.render(
        music(note(0, 96), note(1152, 1153, 20), pedals=(PedalChange(0, 0, 127),)),
        SPEC,
        soundfont,
    )
    late = slice(22050, 28000)
    assert loudness(held[late]) > 5 * loudness(dry[late])


def test_equal_keys_of_two_parts_do_not_cut_each_other(soundfont: Path) -> None:
    long = Note(0, 1152, 60, 64, 0, False, 1, "")
    short = Note(192, 216, 60, 64, 1, False, 1, "")
    alone = synth.render(Music((long,), (), ()), SPEC, soundfont)
    both = synth.render(Music((long, short), (), ()), SPEC, soundfont)
    late = slice(18000, 30000)  # a second after the short note's release
    assert loudness(both[late]) == pytest.approx(loudness(alone[late]), rel=0.1)


def test_perform_writes_whole_files_and_says_what_they_are(soundfont: Path, tmp_path: Path) -> None:
    import soundfile

    folder = tmp_path / "performances" / SPEC.name
    done = perform(SPARSE, SPEC, folder, keep_audio=True)
    assert sorted(p.name for p in folder.iterdir()) == [
        "audio.flac",
        "performance.mid",
        "spectrogram.npy",
    ]
    for name, claimed in (
        ("performance.mid", done.midi_sha256),
        ("spectrogram.npy", done.spectrogram_sha256),
        ("audio.flac", done.audio_sha256),
    ):
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == claimed
    audio, rate = soundfile.read(folder / "audio.flac", dtype="int16")
    assert rate == 22050
    assert done.audio_gain == level.GAIN
    audio = level.as_rendered(audio, level.GAIN)
    np.testing.assert_array_equal(audio, synth.render(SPARSE, SPEC, soundfont))
    bands = np.load(folder / "spectrogram.npy")
    np.testing.assert_array_equal(bands, spectrogram(audio))
    assert (bands.dtype, bands.shape) == (np.float16, (92, done.frames))
    assert done.frames == frame_count(len(audio))
    assert done.duration_s == len(audio) / 22050
    assert list(done.events) == events(SPARSE, SPEC)
    assert done.soundfont_sha256 == hashlib.sha256(soundfont.read_bytes()).hexdigest()
    again = perform(SPARSE, SPEC, tmp_path / "again", keep_audio=False)
    assert again.spectrogram_sha256 == done.spectrogram_sha256
    assert (again.audio_sha256, again.audio_gain) == ("", 0)
    assert not (tmp_path / "again" / "audio.flac").exists()


def test_what_is_written_in_blocks_is_what_is_written_at_once(
    soundfont: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import soundfile

    audio = synth.render(SPARSE, SPEC, soundfont)
    monkeypatch.setattr(synth, "SCRATCH", 7 * 64)
    monkeypatch.setattr("msmdtools.perform.files._FRAMES", 200)
    assert len(audio) > 200 * 1102  # so that there are several parts of each
    np.testing.assert_array_equal(synth.render(SPARSE, SPEC, soundfont), audio)
    perform(SPARSE, SPEC, tmp_path, keep_audio=True)
    np.save(tmp_path / "once.npy", spectrogram(audio))
    assert (tmp_path / "spectrogram.npy").read_bytes() == (tmp_path / "once.npy").read_bytes()
    kept, _ = soundfile.read(tmp_path / "audio.flac", dtype="int16")
    np.testing.assert_array_equal(level.as_rendered(kept, level.GAIN), audio)


@pytest.mark.parametrize("gain", [1, 3, 9, 15])
def test_kept_samples_are_finer_and_give_the_rendered_ones_exactly(gain: int) -> None:
    rng = np.random.default_rng(4)
    sound = rng.uniform(-800, 800, 200_000).astype(np.float32)
    sound[:4000] = np.arange(-1000, 1000, 0.5, np.float32)  # halves are rounded to the even
    rendered, kept = level.rounded(sound), level.levelled(sound, gain)
    np.testing.assert_array_equal(level.as_rendered(kept, gain), rendered)
    assert np.abs(kept / gain - sound).max() <= 0.5 / gain + (sound % 1 == 0.5).any() * 0.5 / gain
    assert len(np.unique(kept[4000:])) > 0.7 * gain * len(np.unique(rendered[4000:]))


def test_the_gain_is_the_same_for_all_that_fits() -> None:
    peaks = (0, 1, 3640, 3641, 5000, 10_000, 20_000, 40_000)
    assert [level.fitting(peak) for peak in peaks] == [9, 9, 9, 7, 5, 3, 1, 1]
    loud = np.array([4500.4, -4500.4], np.float32)
    assert level.levelled(loud, level.fitting(4500.4)).tolist() == [31503, -31503]
    assert [level.of_comment(level.comment(gain)) for gain in (1, 3, 9)] == [1, 3, 9]
    strange = ("", "a song", "msmdtools gain 4", "msmdtools gain 99", "msmdtools gain 0")
    assert [level.of_comment(text) for text in strange] == [1] * 5


def test_what_is_too_loud_is_kept_whole_with_a_smaller_gain(
    soundfont: Path, tmp_path: Path
) -> None:
    import soundfile

    keys = range(24, 100)
    many = music(*(note(0, 384, key, 127) for key in keys))
    loudest = PerformanceSpec(1.0, "TimGM6mb", velocity=None)
    done = perform(many, loudest, tmp_path, keep_audio=True)
    assert 1 <= done.audio_gain < level.GAIN
    kept, _ = soundfile.read(tmp_path / "audio.flac", dtype="int16")
    assert np.abs(kept.astype(int)).max() <= 32767
    rendered = synth.render(many, loudest, soundfont)
    np.testing.assert_array_equal(level.as_rendered(kept, done.audio_gain), rendered)
    quiet = perform(many, loudest, tmp_path / "quiet")
    assert quiet.spectrogram_sha256 == done.spectrogram_sha256


def test_kept_audio_is_heard_as_it_was_rendered(soundfont: Path, tmp_path: Path) -> None:
    perform(SPARSE, SPEC, tmp_path, keep_audio=True)
    bands = np.load(tmp_path / "spectrogram.npy")
    np.testing.assert_array_equal(recordings.read_spectrogram(tmp_path / "audio.flac"), bands)


def test_a_tempo_mark_that_makes_days_of_sound_is_an_error_of_the_piece(soundfont: Path) -> None:
    slow = Music((note(0, 384 * 60 * 24 * 4),), (TempoChange(0, 16_000_000),), ())
    with pytest.raises(PieceError, match=r"would sound for 25\.6 hours; at most 24") as error:
        synth.rendering(slow, SPEC, soundfont)
    assert (error.value.stage, error.value.reason) == ("perform", "too-long")


def test_a_font_without_the_program_or_without_content(
    soundfont: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "broken.sf2"
    broken.write_bytes(soundfont.read_bytes()[:4000])
    with caplog.at_level(logging.DEBUG), pytest.raises(SoundfontError) as error:
        synth.render(SPARSE, SPEC, broken)
    assert str(error.value).startswith(f"{broken}: FluidSynth ")
    assert str(error.value).endswith(" cannot read it")
    assert "msmdtools.fluidsynth" in {record.name for record in caplog.records}


def test_missing_presets_are_named(soundfont: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synth, "_keep", lambda _font, bank, _program: bank == 0)
    with pytest.raises(PieceError, match=r"drum notes, and .* has no drum kit") as error:
        synth.render(music(note(0, 96, 38, drum=True)), SPEC, soundfont)
    assert error.value.reason == "soundfont-without-drums"
    monkeypatch.setattr(synth, "_keep", lambda _font, _bank, _program: False)
    with pytest.raises(SoundfontError, match=r"has no program 7 \(bank 0\)"):
        synth.render(SPARSE, PerformanceSpec(1.0, "TimGM6mb", 7), soundfont)


def test_no_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fluidsynth", None)
    synth._library.cache_clear()
    try:
        with pytest.raises(ToolError, match="apt install libfluidsynth3") as error:
            synth.fluidsynth_version()
        assert "from PyPI pyfluidsynth, not the package fluidsynth" in str(error.value)
    finally:
        synth._library.cache_clear()


def test_version_has_three_numbers() -> None:
    assert [part.isdigit() for part in synth.fluidsynth_version().split(".")] == [True] * 3


def test_tuning_changes_the_pitch(soundfont: Path) -> None:
    held = music(note(0, 384 * 8, 69))

    def hertz(cents: float) -> float:
        audio = synth.render(held, SPEC, soundfont, cents)[2000 : 2000 + 32768].astype(float)
        spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), 1 << 20))
        low, high = (int(hz / 22050 * (1 << 20)) for hz in (400, 480))
        return float((low + spectrum[low:high].argmax()) * 22050 / (1 << 20))

    for cents in (-50, 50):
        assert 1200 * np.log2(hertz(cents) / hertz(0)) == pytest.approx(cents, abs=0.5)
    with pytest.raises(ValueError, match="a tuning of 100 cents is not within -99 to 99"):
        synth.render(held, SPEC, soundfont, 100)


def test_a_microtone_is_heard_between_the_keys_and_bends_no_other(soundfont: Path) -> None:
    chord = music(note(0, 1536, 72), Note(0, 1536, 76, 64, 0, False, 1, "", 50.0))
    audio = synth.render(chord, SPEC, soundfont)[2205:26460]
    power = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), 1 << 18))
    pitch = 69 + 12 * np.log2(np.fft.rfftfreq(1 << 18, 1 / 22050).clip(1) / 440)
    for expected in (72, 76.5):
        near = np.abs(pitch - expected) < 1
        assert pitch[near][power[near].argmax()] == pytest.approx(expected, abs=0.05)
