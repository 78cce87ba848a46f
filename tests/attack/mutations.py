"""The ways in which the fuzzer bends a request."""

import re
from collections.abc import Callable, Iterator
from random import Random

from . import bodies, payloads
from .request import Operation, Request

Mutation = Callable[[Request, Random], None]


def target(request: Request, random: Random) -> None:
    """Ask for a path that is none."""
    request.target = random.choice(payloads.TARGETS)


def segment(request: Request, random: Random) -> None:
    """Spoil the last part of the path."""
    junk = (
        b"NaN",
        b"-1",
        b"9" * 5_000,
        b"%00",
        b"%ff",
        b"1e999",
        b"%ed%a0%80",
        b"",
        b"%2e%2e",
        b"1%0d%0aX-Injected:1",
        payloads.SECRET,
    )
    path, _, query = request.target.partition(b"?")
    request.target = path.rpartition(b"/")[0] + b"/" + random.choice(junk) + (b"?" + query if query else b"")


def query(request: Request, random: Random) -> None:
    """Add a query that is hard to read."""
    request.target += (b"&" if b"?" in request.target else b"?") + random.choice(payloads.QUERIES)


def method(request: Request, random: Random) -> None:
    """Use a method that is unknown, or not for this path."""
    request.method = random.choice(payloads.METHODS)
    # What follows a CONNECT, or a method with a body of unknown meaning, is up to the server.
    request.complete = request.complete and request.method in {
        b"HEAD",
        b"PATCH",
        b"PUT",
        b"DELETE",
        b"POST",
        b"OPTIONS",
        b"TRACE",
    }


def version(request: Request, random: Random) -> None:
    """Speak another protocol."""
    request.version = random.choice(payloads.VERSIONS)
    request.complete = False


def header(request: Request, random: Random) -> None:
    """Send a well-formed header with a nonsensical value."""
    name = random.choice(tuple(payloads.HEADERS))
    request.headers.append((name, random.choice(payloads.HEADERS[name])))


def same_header_twice(request: Request, random: Random) -> None:
    """Send two different values of what should be there once."""
    name = random.choice(tuple(payloads.HEADERS))
    request.headers += [(name, random.choice(payloads.HEADERS[name])) for _ in range(random.choice((2, 2, 20)))]


def header_line(request: Request, random: Random) -> None:
    """Send a line that may be no header at all."""
    request.lines.append(random.choice(payloads.HEADER_LINES))
    request.complete = False


def any_header(request: Request, random: Random) -> None:
    """Send a header of random bytes."""
    name = bytes(random.choices(b"abcdefghijklmnopqrstuvwxyz-_!#", k=random.randint(1, 30)))
    value = bytes(random.choice((*range(0x21, 0x7F), *range(0x80, 0x100))) for _ in range(random.randint(0, 200)))
    request.headers.append((random.choice((name, *payloads.HEADERS)), value))


def host(request: Request, random: Random) -> None:
    """Say nonsense about which host is meant, or nothing."""
    request.host = random.choice((*payloads.HOSTS, None))


def preflight(request: Request, random: Random) -> None:
    """Ask for permission in odd ways."""
    request.method = b"OPTIONS"
    for name in (b"Origin", b"Access-Control-Request-Method", b"Access-Control-Request-Headers"):
        if random.random() < 0.8:
            request.headers.append((name, random.choice(payloads.HEADERS[name])))


def value(request: Request, random: Random) -> None:
    """Replace one value in a JSON body."""
    places = list(re.finditer(rb'(?<=[:\[,])\s*("(?:[^"\\]|\\.)*"|[\w.+-]+)(?=\s*[,}\]])', request.body))
    replacement = random.choice(bodies.VALUES)
    if not places:
        request.body = replacement
        return
    start, end = random.choice(places).span()
    request.body = request.body[:start] + replacement + request.body[end:]


def body(request: Request, random: Random) -> None:
    """Send another body altogether."""
    request.body = random.choice(bodies.BODIES)


def flipped_bytes(request: Request, random: Random) -> None:
    """Change some bytes of the body."""
    spoiled = bytearray(request.body or b"{}")
    for _ in range(random.randint(1, 4)):
        spoiled[random.randrange(len(spoiled))] = random.randrange(256)
    request.body = bytes(spoiled)


def cut_body(request: Request, random: Random) -> None:
    """Leave off the end of the body, and say so."""
    request.body = request.body[: random.randint(0, len(request.body))]


def multipart(request: Request, random: Random) -> None:
    """Send a form whose parts are junk."""
    boundary = random.choice((b"b", b"-" * 70, b"a b", b"\xff", b""))
    parts = random.choices(bodies.PARTS, k=random.choice((0, 1, 2, 5, 1_500)))
    end = random.choice((b"--\r\n", b"", b"--", b"\r\n"))
    _send_form(request, b"multipart/form-data; boundary=" + boundary, b"\r\n--" + boundary, parts, end)


def _send_form(request: Request, media_type: bytes, delimiter: bytes, parts: list[bytes], end: bytes) -> None:
    request.headers = [pair for pair in request.headers if pair[0] != b"Content-Type"]
    request.headers.append((b"Content-Type", media_type))
    request.body = b"".join(delimiter + b"\r\n" + part for part in parts)[2:] + delimiter + end


def chunked(request: Request, random: Random) -> None:
    """Send the body in chunks, which is fine."""
    size = random.choice((1, 7, 1_000)) if len(request.body) < 5_000 else 10_000
    pieces = [request.body[start : start + size] for start in range(0, len(request.body), size)]
    request.headers.append((b"Transfer-Encoding", b"chunked"))
    request.body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    request.framed = False


def bad_chunks(request: Request, random: Random) -> None:
    """Send chunks that are none."""
    request.headers.append((b"Transfer-Encoding", b"chunked"))
    request.body = random.choice(bodies.CHUNKS)
    request.framed = request.complete = False


def transfer_encoding(request: Request, random: Random) -> None:
    """Announce an encoding of the body that it does not have, perhaps besides a length."""
    request.headers.append((b"Transfer-Encoding", random.choice(bodies.ENCODINGS)))
    request.framed = random.random() < 0.5
    request.complete = False


def length(request: Request, random: Random) -> None:
    """Announce a length that is no number, or not the body's."""
    real = len(request.body)
    lies = [b"%d" % (real + 1), b"%d" % (real + 10**9), b"%d" % max(real - 3, 0), b"00%d" % real]
    request.headers.append((b"Content-Length", random.choice((*bodies.LENGTHS, *lies))))
    request.framed = random.random() < 0.3
    request.complete = False


def two_lengths(request: Request, random: Random) -> None:
    """Announce the length twice."""
    request.headers.append((b"Content-Length", b"%d" % (len(request.body) + random.choice((0, 1, -1)))))
    request.complete = False


def pauses(request: Request, random: Random) -> None:
    """Send in pieces, with pauses."""
    size = len(request.wire())
    request.split = tuple(sorted(random.randrange(size) for _ in range(random.randint(1, 3))))


def early_end(request: Request, random: Random) -> None:
    """Stop somewhere in the middle."""
    wire = request.wire()
    request.raw = wire[: random.randrange(len(wire))]
    request.complete = False
    request.abandoned = random.random() < 0.5


def gone(request: Request, random: Random) -> None:
    """Send all of it and leave before the answer."""
    request.abandoned = True
    request.complete = False


def pipeline(request: Request, random: Random) -> None:
    """Send several requests at once."""
    wire = request.wire()
    first = wire.replace(b"\r\nConnection: close", b"", 1)
    request.answers = random.randint(2, 5)
    request.raw = first * (request.answers - 1) + wire
    # Where the first answer already closes the connection, the others never come.
    request.complete = False


def noise(request: Request, random: Random) -> None:
    """Send what is no request, perhaps before one."""
    request.raw = random.choice(bodies.NOISE) + (request.wire() if random.random() < 0.3 else b"")
    request.complete = False


# Those that bend what a request says come before those that cut up its bytes.
CONTENT: tuple[Mutation, ...] = (
    target, segment, segment, query, query, method, header, header, header, same_header_twice, any_header, host,
    preflight, value, value, value, value, body, body, flipped_bytes, cut_body, multipart, header_line, version,
)  # fmt: skip
FRAMING: tuple[Mutation, ...] = (chunked, chunked, bad_chunks, transfer_encoding, length, two_lengths)
SENDING: tuple[Mutation, ...] = (pauses, early_end, gone, pipeline, noise)


def hostile(operations: list[Operation], count: int, seed: int) -> Iterator[tuple[str, Request]]:
    """Give hostile requests, the same ones for the same seed, each with a name that tells how it was made."""
    for number in range(count):
        random = Random(f"{seed}:{number}")
        operation = operations[number % len(operations)]
        request = operation.request(random)
        chosen = random.choices(CONTENT, k=random.choice((1, 1, 2, 3)))
        chosen += random.choices(FRAMING, k=random.random() < 0.25)
        chosen += random.choices(SENDING, k=random.random() < 0.2)
        for mutate in chosen:
            mutate(request, random)
        yield (
            f"{operation.method} {operation.path} {seed}:{number} {'+'.join(each.__name__ for each in chosen)}",
            request,
        )
