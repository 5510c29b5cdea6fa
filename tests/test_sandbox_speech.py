"""Voices: who says what, that they differ, that none is ever silent, and that a missing one is missed once."""

from __future__ import annotations

import ctypes
import logging
import os
import subprocess
import sys
from array import array
from importlib.util import find_spec
from itertools import pairwise
from math import pi, sin
from types import SimpleNamespace

import pytest

from heygen_async.sandbox.plan import Backdrop, Media, Plan, Voice
from heygen_async.sandbox.render.clip import render
from heygen_async.sandbox.render.library import Library
from heygen_async.sandbox.render.lips import TEETH, mouths
from heygen_async.sandbox.render.resample import resampled, shifted
from heygen_async.sandbox.render.sound import RATE, louder, loudness, seconds_of, sharpness, silence, trimmed
from heygen_async.sandbox.render.speech.babble import Babble, syllables
from heygen_async.sandbox.render.speech.espeak import Espeak
from heygen_async.sandbox.render.speech.hibari import Hibari
from heygen_async.sandbox.render.speech.language import language_of
from heygen_async.sandbox.render.speech.studio import HIGHEST, LOWEST, Studio, timbre_of
from heygen_async.sandbox.scenes import spoken_scene

needs_hibari = pytest.mark.skipif(find_spec("hibari") is None, reason="hibari-tts has no wheel for this platform")
NO_VOICES = Studio({})


def tone(frequency: float, seconds: float = 0.5, level: float = 0.5):
    return array("f", [level * sin(2 * pi * frequency * index / RATE) for index in range(round(seconds * RATE))])


def pitch_of(sound) -> float:
    """Return how often a sound swings in a second: the frequency of a tone, and what a higher voice raises."""
    return sum(one < 0 <= other for one, other in pairwise(sound)) / seconds_of(sound)


class Told:
    """A voice that says what it is told to: a tone, nothing, or an error."""

    def __init__(self, name: str, languages: str, sound) -> None:
        self.name = name
        self.languages = languages
        self.sound = sound
        self.asked: list[tuple[str, str, float]] = []

    def speaks(self, language: str) -> bool:
        return language in self.languages.split()

    def say(self, sentence: str, *, language: str, speed: float):
        self.asked.append((sentence, language, speed))
        if isinstance(self.sound, Exception):
            raise self.sound
        return self.sound


def studio(**voices: Told) -> Studio:
    return Studio({name: lambda voice=voice: voice for name, voice in voices.items()})


def test_english_goes_to_the_english_voice_and_the_rest_to_the_other():
    """By the language of the text; what neither reads is babbled."""
    hibari, espeak = Told("hibari", "en", tone(200)), Told("espeak", "en de", tone(200))
    made = studio(hibari=hibari, espeak=espeak)
    texts = ["The cat is in the house.", "Das ist nicht die Katze.", "今日は"]
    assert [made.say(text, Voice()).speaker for text in texts] == ["hibari", "espeak", "babble"]


@pytest.mark.parametrize(
    "broken",
    [array("f"), tone(200, 0.02), silence(2), RuntimeError("no phonemes")],
    ids=["empty", "short", "silent", "error"],
)
def test_a_voice_that_says_nothing_is_replaced_by_the_next(broken):
    """hibari gives empty audio and no exception for text it cannot read."""
    made = studio(hibari=Told("hibari", "en", broken), espeak=Told("espeak", "en", tone(200)))
    assert made.say("Hello there.", Voice()).speaker == "espeak"
    assert studio(hibari=Told("hibari", "en", broken)).say("Hello there.", Voice()).speaker == "babble"


def test_a_missing_voice_is_missed_once_and_in_words_that_help(caplog):
    """One line for each, however much is said."""

    def missing():
        raise ImportError("No module named 'x'")

    made = Studio({"hibari": missing, "espeak": missing})
    with caplog.at_level(logging.WARNING):
        spoken = [made.say(text, Voice()).speaker for text in ("Hello.", "Hello again.", "Привет")]
    assert spoken == ["babble"] * 3
    told = [record.getMessage() for record in caplog.records]
    assert [line.split(" (")[0] for line in told] == [
        "no English voice, hibari-tts cannot be used",
        "no voice for other languages than English",
    ]
    assert all("No module named 'x'" in line and "pip install" in line for line in told)


def test_speed_and_pitch_reach_the_voice_apart_from_each_other():
    """The voice is asked to be slower where its tape will run faster."""
    told = Told("hibari", "en", tone(200))
    spoken = studio(hibari=told).say("Hello.", Voice(speed=1.5, pitch=20))
    height = 2 ** (2 / 12)
    assert told.asked == [("Hello.", "en", pytest.approx(1.5 / height))]
    assert pitch_of(spoken.sound) == pytest.approx(200 * height, rel=0.03)


def test_a_locale_goes_before_a_guess():
    """`es-MX` speaks Spanish whatever the words look like."""
    told = Told("espeak", "es", tone(200))
    studio(espeak=told).say("Hello.", Voice(locale="es-MX"))
    assert told.asked[0][1] == "es"


def test_different_ids_sound_different_and_the_same_always_the_same():
    """All within what stays well understood; no id is the voice as it is."""
    heights = [timbre_of(f"voice-{number}") for number in range(40)]
    assert len(set(heights)) == 40
    assert min(heights) >= LOWEST
    assert max(heights) <= HIGHEST
    assert len({round(height, 1) for height in heights}) >= 4
    assert timbre_of("voice-1") == heights[1]
    assert timbre_of("") == 1.0


def test_two_babbling_voices_differ_in_pitch():
    """Heard, not only computed."""
    low, high = (min(map(str, range(50)), key=timbre_of), max(map(str, range(50)), key=timbre_of))
    pitches = [pitch_of(NO_VOICES.say("banana", Voice(id=voice)).sound) for voice in (low, high)]
    assert pitches[1] / pitches[0] == pytest.approx(timbre_of(high) / timbre_of(low), rel=0.05)


@pytest.mark.parametrize("text", ["Hello there.", "", "...", "🎉", "你好世界", "שלום", "brrr", "12", "Ελλάδα", "naïve"])
def test_babble_is_never_silent(text):
    """Whatever it is given."""
    sound = Babble().say(text, language="en", speed=1.0)
    assert seconds_of(sound) >= 0.2
    assert max(sound) > 0.2


@pytest.mark.parametrize(
    ("word", "vowels"),
    [
        ("banana", "aaa"),
        ("hello", "eo"),
        ("queue", "u"),
        ("Żółć", "o"),
        ("naïve", "ae"),
        ("Привет", "ie"),
        ("brrr", "o"),
    ],
)
def test_babble_says_one_vowel_per_syllable(word, vowels):
    """Neighbouring vowels are one syllable; a word without vowels gets one."""
    assert "".join(syllables(word)) == vowels


def test_ideographs_and_digits_are_syllables():
    """Each of them, whatever vowel it gets."""
    assert [len(syllables(word)) for word in ("你好世界", "2024")] == [4, 4]


def test_babble_keeps_the_pace_of_the_plan():
    """About two and a half words a second, and faster at speed 1.5."""
    text = "One two three four five six seven eight nine ten."
    usual, fast = (seconds_of(Babble().say(text, language="en", speed=speed)) for speed in (1.0, 1.5))
    assert usual == pytest.approx(4.0, abs=1.5)
    assert fast == pytest.approx(usual / 1.5, rel=0.02)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Welcome to the HeyGen API!", "en"),
        ("A café in the centre", "en"),
        ("Guten Tag und willkommen", "de"),
        ("Straße", "de"),
        ("Bonjour et bienvenue dans le film", "fr"),
        ("¿Cómo estás?", "es"),
        ("Żółć", "pl"),
        ("Привет", "ru"),
        ("Ελλάδα", "el"),
        ("你好世界", "zh"),
        ("日本語のテスト", "ja"),
        ("안녕하세요", "ko"),
        ("Hello 世界", "en"),
        ("Hello Señor Groß", "en"),
        ("🎉", "en"),
        ("", "en"),
    ],
)
def test_languages_are_guessed_from_letters_and_small_words(text, language):
    """Good enough to choose a voice; English in doubt."""
    assert language_of(text) == language


class FakeEspeak:
    """The C library of espeak-ng as far as it is called: speaks German only, at a rate of its own."""

    def __init__(self, rate: int = 22_050) -> None:
        self.rate = rate
        self.asked: list[tuple] = []

    def espeak_Initialize(self, output, _length, path, _options) -> int:
        self.asked.append((output, path))
        return self.rate

    def espeak_SetSynthCallback(self, callback) -> None:
        self.callback = callback

    def espeak_SetVoiceByName(self, name) -> int:
        return 0 if name == b"de" else 2

    def espeak_SetParameter(self, *asked) -> None:
        self.asked.append(asked)

    def espeak_Synth(self, text, size, *_) -> None:
        self.asked.append((text, size.value))
        half = (ctypes.c_short * (self.rate // 2))(*[16_384] * (self.rate // 2))
        assert [self.callback(half, len(half), None), self.callback(None, 0, None)] == [0, 0]


@pytest.fixture
def espeak_library(monkeypatch):
    """Return what stands for the library while `espeakng_loader` seems to be installed."""
    library = FakeEspeak()
    loader = SimpleNamespace(get_library_path=lambda: "libespeak-ng.so", get_data_path=lambda: "/data")
    monkeypatch.setitem(sys.modules, "espeakng_loader", loader)
    monkeypatch.setattr(ctypes, "CDLL", {"libespeak-ng.so": library}.__getitem__)
    return library


def test_espeak_is_spoken_to_as_its_header_says(espeak_library):
    """Synchronously, in UTF-8, at the usual pace times the speed; its rate becomes ours."""
    voice = Espeak()
    assert (voice.speaks("de"), voice.speaks("xx")) == (True, False)
    sound = voice.say("Grüße", language="de", speed=1.5)
    assert espeak_library.asked == [(2, b"/data"), (1, 240, 0), ("Grüße".encode() + b"\0", 8)]
    assert seconds_of(sound) == pytest.approx(0.5, abs=0.01)
    assert sound[RATE // 4] == pytest.approx(0.5, abs=0.01)
    assert len(voice.say("Hello", language="xx", speed=1.0)) == 0


def test_an_espeak_that_does_not_start_is_no_voice(espeak_library):
    """A negative rate is its way to say so; the studio babbles on."""
    espeak_library.rate = -1
    with pytest.raises(OSError, match="does not start"):
        Espeak()
    assert Studio({"espeak": Espeak}).say("Grüße", Voice(locale="de")).speaker == "babble"


@needs_hibari
def test_the_english_voice_speaks_with_pauses_between_words_and_the_same_every_time():
    """Real speech: loud and quiet moments, the same samples again, one voice higher than the other."""
    low, high = (min(map(str, range(50)), key=timbre_of), max(map(str, range(50)), key=timbre_of))
    made = Studio()
    first, second, other = (made.say("Welcome to the sandbox, my friend.", Voice(id=name)) for name in (low, low, high))
    assert (first.speaker, other.speaker) == ("hibari", "hibari")
    assert first.sound == second.sound
    assert 1.2 < seconds_of(first.sound) < 4
    levels = loudness(first.sound, 25)
    assert max(levels) > 5 * min(levels[2:-2])
    assert pitch_of(other.sound) > 1.1 * pitch_of(first.sound)


@needs_hibari
def test_the_english_voice_says_nothing_where_there_is_no_word():
    """It would return an empty array or a breath, which must not become a silent video."""
    voice = Hibari()
    assert [len(voice.say(text, language="en", speed=1.0)) for text in ("🎉", "♪", "—", "...", "你好")] == [0] * 5
    assert Studio({"hibari": lambda: voice}).say("🎉", Voice()).speaker == "babble"


@pytest.mark.skipif("HEYGEN_TESTS_HEARING" not in os.environ, reason="HEYGEN_TESTS_HEARING=1 lets a recogniser listen")
def test_a_recogniser_understands_what_the_finished_films_say(tmp_path):
    """The whole way through voice, tape and AAC, for the lowest and the highest voice: the script's words are found.

    It has a step of its own in `.ci/run`, in which a missing recogniser or voice is a failure.
    """
    from pocketsphinx import Decoder

    recogniser = Decoder(samprate=16_000, loglevel="FATAL")
    script = "Welcome to the company. Open the door and follow the road to the river."
    white = Backdrop(kind="color", value="#fff")
    for choose in (min, max):
        voice = Voice(id=choose(map(str, range(60)), key=timbre_of))
        scene = spoken_scene(script, backdrop=white, presenter="a", voice=voice)
        render(Plan(width=128, height=96, scenes=(scene,)), tmp_path)
        sound = Library().sound(Media(name="film", path=str(tmp_path / "video.mp4")))
        # The recogniser hears 16,000 samples a second.
        heard = [round(30_000 * max(-1.0, min(1.0, level))) for level in resampled(sound, from_rate=36_000)]
        recogniser.start_utt()
        recogniser.process_raw(array("h", heard).tobytes(), full_utt=True)
        recogniser.end_utt()
        assert {"welcome", "company", "door", "road", "river"} <= set(recogniser.hyp().hypstr.split())


def test_babbling_needs_neither_numpy_nor_a_voice():
    """Both are hidden; a video with sound comes out all the same."""
    program = (
        "import sys\n"
        "for name in ('numpy', 'hibari', 'onnxruntime', 'espeakng_loader'): sys.modules[name] = None\n"
        "import pathlib, tempfile\n"
        "from heygen_async.sandbox.plan import Backdrop, Plan\n"
        "from heygen_async.sandbox.scenes import spoken_scene\n"
        "from heygen_async.sandbox.render.clip import render\n"
        "scene = spoken_scene('Hello.', backdrop=Backdrop(kind='color', value='#fff'), presenter='a')\n"
        "folder = pathlib.Path(tempfile.mkdtemp())\n"
        "print(render(Plan(width=128, height=128, scenes=(scene,)), folder).voice)\n"
        "print((folder / 'video.mp4').stat().st_size > 1000)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False)
    assert done.stdout.split() == ["babble", "True"], done.stderr
    assert done.stderr.count("no English voice") == 1


def test_loudness_follows_the_sound():
    """Root mean square of a sine is its level over the root of two; silence has none."""
    levels = loudness(tone(200, 1.0) + silence(1.0), 10)
    assert levels == pytest.approx([0.5 / 2**0.5] * 10 + [0.0] * 10, abs=0.01)


def test_hiss_is_sharper_than_a_hum():
    """That is how an s is told from a vowel."""
    (hum,), (hiss,) = sharpness(tone(200, 0.04), 25), sharpness(tone(6000, 0.04), 25)
    assert hum < 0.1
    assert hiss > 1.2


def test_silent_ends_are_cut_off():
    """But for a moment before and after; a sound of nothing but silence is empty."""
    assert seconds_of(trimmed(silence(1) + tone(200, 1.0) + silence(1))) == pytest.approx(1.16, abs=0.03)
    assert len(trimmed(silence(1))) == len(trimmed(silence(0))) == 0


def test_a_tape_that_runs_faster_is_shorter_and_higher():
    """By the same factor; at factor one nothing is done."""
    sound = tone(200, 1.0)
    fast = shifted(sound, 1.25)
    assert seconds_of(fast) == pytest.approx(0.8, abs=0.01)
    assert pitch_of(fast) == pytest.approx(250, rel=0.02)
    assert shifted(sound, 1.0) is sound
    assert seconds_of(resampled(sound, from_rate=48_000)) == pytest.approx(0.5, abs=0.01)


def test_volume_scales_every_sample():
    """Half as loud; at one nothing is done."""
    sound = tone(200, 0.1)
    assert list(louder(sound, 0.5)) == pytest.approx([sample / 2 for sample in sound])
    assert louder(sound, 1) is sound


def test_mouths_open_with_the_sound_and_close_in_silence():
    """A loud second, a silent one, a hissing one, and frames without sound after the end."""
    sound = tone(200, 1.0) + silence(1.0) + tone(7000, 1.0, 0.2)
    shapes = mouths(sound, fps=25, frames=100)
    assert set(shapes[1:24]) == {4}
    assert set(shapes[27:49]) == {0}
    assert set(shapes[51:74]) == {TEETH}
    assert shapes[75:] == [0] * 25
    assert mouths(silence(1.0), fps=25, frames=25) == [0] * 25


def test_mouths_follow_syllables():
    """Babbled words move the lips open and shut again."""
    sound = NO_VOICES.say("Banana. Banana. Banana.", Voice()).sound
    shapes = mouths(sound, fps=25, frames=round(seconds_of(sound) * 25))
    assert len(set(shapes)) >= 4
    assert sum(one != other for one, other in pairwise(shapes)) > 10
