"""Which language a script is in: by its letters, then by its smallest words. A guess, for choosing a voice."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import Final

_SCRIPTS: Final = {
    "CYRILLIC": "ru",
    "GREEK": "el",
    "CJK": "zh",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "ARABIC": "ar",
    "HEBREW": "he",
    "DEVANAGARI": "hi",
    "THAI": "th",
}
_WORDS: Final = {
    "en": "the and is are of to in you your we our this that it for with on have was be not hello welcome i a",
    "de": "der die das und ist nicht ich wir sie ein eine mit auf zu den von für im wie hallo willkommen guten",
    "fr": "le la les et est une un des vous nous je ne pas pour dans avec sur bonjour bienvenue ce au du",
    "es": "el la los las y es una un de que en con por para hola como bienvenidos esta su mi no al del",
    "it": "il lo la gli e è una un di che per con non ciao benvenuti sono questo della del in",
    "pt": "o a os as e é uma um de que para com não olá você bem-vindos em do da no na",
    "nl": "de het een en is van ik wij je niet met op voor hallo welkom dit dat zijn naar",
    "pl": "i w na się nie jest to z do dla witaj witamy dzień dobry jak że co",
    "sv": "och är det en ett inte jag vi du på med för som hej välkommen att av",
    "tr": "ve bir bu da de için ile merhaba hoş geldiniz ne çok değil mi",
}
_LETTERS: Final = {
    "ß": "de",
    "ñ": "es",
    "¿": "es",
    "¡": "es",
    "ã": "pt",
    "õ": "pt",
    "ł": "pl",
    "ż": "pl",
    "ś": "pl",
    "å": "sv",
    "ğ": "tr",
    "ı": "tr",
    "œ": "fr",
}
_WORD: Final = re.compile(r"[\w'-]+")


def language_of(text: str, *, locale: str | None = None) -> str:
    """Return a language code of two letters; `locale` such as `es-MX` decides, English is the answer in doubt."""
    if locale:
        return re.split("[-_]", locale.lower(), maxsplit=1)[0]
    scripts = Counter(_script(letter) for letter in text if letter.isalpha())
    foreign = Counter({name: count for name, count in scripts.items() if name in _SCRIPTS})
    if foreign.total() > scripts.total() / 3:
        # Japanese is recognised by its syllables: most of its letters may be Chinese ones.
        return "ja" if scripts["HIRAGANA"] + scripts["KATAKANA"] else _SCRIPTS[foreign.most_common(1)[0][0]]
    return _by_words(text)


def _by_words(text: str) -> str:
    text = unicodedata.normalize("NFC", text.lower())
    words = Counter(_WORD.findall(text))
    scores = {code: sum(words[word] for word in known.split()) for code, known in _WORDS.items()}
    for letter, code in _LETTERS.items():
        scores[code] += letter in text
    return max(scores, key=lambda code: scores[code])


def _script(letter: str) -> str:
    return unicodedata.name(letter, "?").split(" ", 1)[0].split("-", 1)[0]
