"""An echoed secret is found in every form an upstream is likely to send it back in."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apifold.core.requests.scrub import MARK, NOTHING, Scrubber

SECRET = 'sk_live_51H8+/=&"Zq'
MARKED = MARK.encode()


def forms(secret: str) -> dict[str, bytes]:
    raw = secret.encode()
    return {
        "as it is": raw,
        "base64": base64.b64encode(raw),
        "base64 for URLs": base64.urlsafe_b64encode(raw),
        "base64 without padding": base64.b64encode(raw).rstrip(b"="),
        "hex": raw.hex().encode(),
        "hex in capitals": raw.hex().upper().encode(),
        "percent-encoded": quote(secret, safe="").encode(),
        "percent-encoded, slash kept": quote(secret).encode(),
        "form-encoded": quote_plus(secret).encode(),
        "percent-encoded in small letters": b"".join(
            bytes([c]) if (c < 128 and chr(c).isalnum()) or c in b"_.-~" else b"%%%02x" % c for c in raw
        ),
        "JSON": json.dumps(secret)[1:-1].encode(),
        "JSON with escaped slash": json.dumps(secret)[1:-1].replace("/", "\\/").encode(),
        "JSON as Go writes it": json.dumps(secret, ensure_ascii=False)[1:-1].replace("&", "\\u0026").encode(),
        "JSON as .NET writes it": "".join(
            c if c.isascii() and c not in "&<>'+`\"" else f"\\u{ord(c):04X}" for c in secret
        ).encode(),
    }


@pytest.mark.parametrize("form", forms(SECRET))
def test_every_form_of_a_secret_is_removed(form: str) -> None:
    echoed = forms(SECRET)[form]
    cleaned = Scrubber([SECRET]).clean(b'{"got": "' + echoed + b'", "rest": 1}')
    assert echoed not in cleaned
    assert cleaned.startswith(b'{"got": "' + MARKED)
    assert cleaned.endswith(b'", "rest": 1}')


@pytest.mark.parametrize("before", ["", "B", "Be", "Bearer ", "user:", '{"Authorization": "Bearer '])
@pytest.mark.parametrize("after", ["", '"}', "\n"])
def test_secret_inside_a_longer_base64_text_is_removed(before: str, after: str) -> None:
    echoed = base64.b64encode(f"{before}{SECRET}{after}".encode())
    cleaned = Scrubber([SECRET]).clean(echoed)
    assert MARKED in cleaned
    assert len(cleaned) - len(MARKED) <= len(base64.b64encode(f"{before}{after}".encode())) + 8


def test_without_secrets_the_same_bytes_come_back() -> None:
    data = b"nothing to see"
    assert NOTHING.clean(data) is data
    assert not NOTHING


def test_body_without_the_secret_comes_back_as_the_same_object() -> None:
    data = b'{"id": 1}'
    assert Scrubber([SECRET]).clean(data) is data


def test_text_is_cleaned_like_bytes() -> None:
    assert Scrubber(["tøken-ü"]).clean_text("it was tøken-ü.") == f"it was {MARK}."
    assert Scrubber(["tøken-ü"]).clean_text(r"it was t\u00f8ken-\u00fc.") == f"it was {MARK}."


def test_very_short_secret_is_not_searched_as_plain_text() -> None:
    assert Scrubber(["abc"]).clean(b"the abc of it") == b"the abc of it"


def test_longer_secret_goes_before_the_shorter_one_inside_it() -> None:
    assert Scrubber(["pass", "user:pass"]).clean_text("user:pass pass") == f"{MARK} {MARK}"


def test_presence_is_told_without_cleaning() -> None:
    assert Scrubber([SECRET]).finds(f"/next?key={quote(SECRET, safe='')}")
    assert not Scrubber([SECRET]).finds("/next")


@given(
    st.text(
        st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="<>\\\x7f"), min_size=4, max_size=40
    )
)
def test_no_form_of_any_secret_survives(secret: str) -> None:
    scrubber = Scrubber([secret])
    for form, echoed in forms(secret).items():
        assert MARKED in scrubber.clean(b" " + echoed + b" "), form
