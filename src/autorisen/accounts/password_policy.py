"""Which passwords are taken. Length counts, composition does not (ASVS V6.2.1, V6.2.4, V6.2.5; NIST 800-63B-4)."""

from __future__ import annotations

from autorisen.kit.problems import FieldError

MIN_BYTES = 12
MAX_BYTES = 1024

# The words that the most common passwords of 12 and more characters are made of: a word with digits or marks around
# it ("Password1234!"), a word repeated, two of them, or a walk over the keyboard.
_COMMON_WORDS = frozenset(
    """
    abc abcd admin administrator alexander amanda america andrew angel apple ashley autorisen baby babygirl bailey
    baseball basketball batman blink butterfly changeme charlie cheese chelsea chocolate christian computer cookie
    daniel default diamond dragon elizabeth family flower football forever freedom friend friends george google hallo
    hello hunter iloveyou india internet jasmine jennifer jessica jesus jordan joshua justin killer letmein liverpool
    login london love lovely manchester marina master matrix matthew maverick michael michelle minecraft monkey mother
    mustang naruto nicole ninja nothing orange password passwort pepper pokemon princess qazwsx qwert qwerty rainbow
    random ranger robert rockyou samantha secret shadow soccer spiderman starwars strawberry summer sunshine superman
    superstar taylor temp test testing thomas thunder tigger trustno unknown user victoria welcome whatever william
    winter zaq zxcvbn zxcvbnm
    """.split()  # noqa: SIM905 -- a wrapped paragraph stays readable where 150 quoted lines would not
)
_WALKS = (
    "01234567890123456789",
    "98765432109876543210",
    "abcdefghijklmnopqrstuvwxyz",
    "zyxwvutsrqponmlkjihgfedcba",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv5tgb6yhn",
    "qazwsxedcrfvtgbyhnujmikolp",
    "zaq12wsxcde34rfv",
)
_LOOKALIKES = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"})
_SHORTEST_NAME = 4


def password_errors(password: str, *, email: str, name: str, field: str = "/password") -> tuple[FieldError, ...]:
    """Every rule that the password breaks; empty when it is taken."""
    size = len(password.encode("utf-8", "surrogatepass"))
    if size < MIN_BYTES:
        return (FieldError(field, f"use at least {MIN_BYTES} characters; a sentence is fine"),)
    if size > MAX_BYTES:
        return (FieldError(field, f"use at most {MAX_BYTES} bytes"),)
    if is_common(password):
        return (FieldError(field, "this is one of the passwords that are guessed first; use a sentence of your own"),)
    if _is_personal(password, email=email, name=name):
        return (FieldError(field, "do not use your e-mail address or your name"),)
    return ()


def is_common(password: str) -> bool:
    """Whether a password is among those that are tried first, by word, repetition or keyboard walk."""
    folded = password.casefold()
    unit = _smallest_repeat(folded)
    if len(unit) <= 3:
        return True
    bare = {_without_ends(folded), _without_ends(unit)}
    tries = {folded, unit, *bare, *(each.translate(_LOOKALIKES) for each in (folded, unit, *bare))}
    return any(_is_walk(each) or _is_of_common_words(each) for each in map(_smallest_repeat, tries))


def _without_ends(text: str) -> str:
    return text.strip("0123456789!?.,;:-_#*+$@&%/ ")


def _smallest_repeat(text: str) -> str:
    for size in range(1, len(text) // 2 + 1):
        if text == text[:size] * (len(text) // size) + text[: len(text) % size]:
            return text[:size]
    return text


def _is_walk(text: str) -> bool:
    return len(text) > 3 and any(text in walk for walk in _WALKS)


def _is_of_common_words(text: str) -> bool:
    if text in _COMMON_WORDS:
        return True
    return any(text[:cut] in _COMMON_WORDS and text[cut:] in _COMMON_WORDS for cut in range(3, len(text) - 2))


def _is_personal(password: str, *, email: str, name: str) -> bool:
    bare = _without_ends(password.casefold())
    local = email.casefold().partition("@")[0]
    own = {email.casefold(), local, name.casefold(), name.casefold().replace(" ", "")}
    return password.casefold() in own or bare in {each for each in own if len(each) >= _SHORTEST_NAME}
