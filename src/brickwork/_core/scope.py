"""What an ASGI scope tells: the state keys of the blocks, the route's template, the client's address."""

import re
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any

from fastapi.routing import iter_route_contexts
from starlette.routing import Mount

from .headers import find_all

if TYPE_CHECKING:
    from starlette.types import Scope

# Every key that a block puts into scope["state"] is named here, so that blocks meet without importing each other.
REQUEST = "brickwork.request"
CSP_NONCE = "csp_nonce"
TIME_LIMIT = "brickwork.time_limit"
AUTH = "brickwork.auth"
CALLER = "brickwork.caller"

# These go into the scope itself: some servers give all requests of a connection one state, and whether a request was
# counted is nothing that the next one may find there.
RATE_LIMIT = "brickwork.rate_limit"
RATE_LIMIT_UNSENT = "brickwork.rate_limit.unsent"
SLOWAPI = "brickwork.slowapi"

# The server's own way to send to a socket, past whatever middleware and framework put around it.
SERVER_SEND = "brickwork.server_send"

# RFC 7239, section 4; addresses are also taken without the quotes that their colons and brackets ask for.
# Every repetition is possessive: what a client sends can make no match slow.
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_VALUE = r'"(?:[^"\\]|\\.)*+"|[^\s",;=]++'
_PAIR = re.compile(rf"({_NAME})=({_VALUE})")
_ELEMENT = re.compile(rf"\s*+((?:{_NAME}=(?:{_VALUE})(?:\s*+;\s*+{_NAME}=(?:{_VALUE}))*+)?+)\s*+(?:,|\Z)")
_BRACKETED = re.compile(r"\[([^\[\]]*)\](?::[0-9]+)?")

_MOST_HOPS = 64

_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network


def takes_response(scope: "Scope") -> bool:
    """Tell whether a response can be sent: to any request, and to a socket whose server knows how to deny one."""
    return scope["type"] != "websocket" or "websocket.http.response" in scope.get("extensions", {})


def is_http_1(scope: "Scope") -> bool:
    """Tell whether the request came over HTTP/1, as it is taken to where the server does not say."""
    version: str = scope.get("http_version", "1.1")
    return version.startswith("1")


def connection_close(scope: "Scope") -> dict[str, str]:
    """Give the header that ends the connection after the response; HTTP/2 has streams, and forbids it.

    Reference: RFC 9113, section 8.2.2.
    """
    return {"Connection": "close"} if is_http_1(scope) else {}


def route_path(scope: "Scope") -> str:
    """Give the path as the routes of the application in charge see it: without the server's and the mounts' prefix."""
    path: str = scope["path"]
    prefix: str = scope.get("root_path", "")
    return path.removeprefix(prefix) if prefix and path.startswith(f"{prefix}/") else path


def route_template(scope: "Scope") -> str | None:
    """Give the template of the matched route as the client sees it: prefixes of routers and mounts included.

    ``/shops/{shop_id}/books/{book_id}`` rather than one path per book. To be asked after routing.

    Returns:
        The template without the server's ``root_path``; None where no route matched.
    """
    route = scope.get("route")
    if route is None or isinstance(route, Mount):
        return _template_by_endpoint(scope)
    included = scope.get("fastapi", {}).get("effective_route_context")
    # The context of an included mount stays in the scope while the mounted application sets its own route.
    if included is not None and route in (included.original_route, included.starlette_route):
        route = included.starlette_route or included
    template: str | None = getattr(route, "path_format", None)
    return None if template is None else _mount_prefix(scope) + template


def _template_by_endpoint(scope: "Scope") -> str | None:
    """Give the template where only the endpoint is known: FastAPI names neither Starlette's plain routes nor mounts."""
    endpoint = scope.get("endpoint")
    if endpoint is None or hasattr(endpoint, "routes"):
        return None
    routes = getattr(scope.get("app"), "routes", ())
    route = next((route for route in routes if getattr(route, "endpoint", None) is endpoint), None)
    # What is mounted and is no router, such as static files, serves all paths below it.
    return _mount_prefix(scope) + ("/{path}" if route is None else route.path_format)


def _mount_prefix(scope: "Scope") -> str:
    outside: str = scope.get("app_root_path", scope.get("root_path", ""))
    prefix: str = scope.get("root_path", "")[len(outside) :]
    if not prefix:
        return ""
    state = scope.get("state", {}).get(REQUEST)
    app = scope.get("app") if state is None else state.app
    # A mount below a parameter (/{tenant}) shows its value in root_path; only the mount itself knows the name.
    return _mount_template(getattr(app, "routes", ()), prefix) or prefix


def _mount_template(routes: Sequence[Any], prefix: str) -> str | None:
    for context in iter_route_contexts(routes):
        mount = getattr(context, "starlette_route", None) or context.route
        match = mount.path_regex.match(prefix + "/") if isinstance(mount, Mount) else None
        if match is None or not isinstance(mount, Mount):
            continue
        rest = "/" + match["path"].rstrip("/")
        inner = "" if rest == "/" else _mount_template(getattr(mount.app, "routes", ()), rest)
        if inner is not None:
            return f"{mount.path_format.removesuffix('/{path}')}{inner}"
    return None


def state_caller(scope: "Scope", user_id: str | None) -> None:
    """State whom a request comes from, for blocks that ask; None for nobody, which leaves a user who was stated."""
    state = scope.setdefault("state", {})
    if user_id is not None or _stated(state, scope) is None:
        # ASGI wants a copy of the state for each request; where a server gives all of them one, it is not who calls
        # that they share.
        state[CALLER] = (scope["headers"], user_id)


def stated_caller(scope: "Scope") -> str | None:
    """Give the ID of the user whom a request comes from; None where it comes from nobody that is known.

    Raises:
        LookupError: Nobody has asked who calls.
    """
    stated = _stated(scope.get("state", {}), scope)
    if stated is None:
        raise LookupError("nobody has asked who calls")
    return stated[1]


def _stated(state: Mapping[str, Any], scope: "Scope") -> tuple[object, str | None] | None:
    stated: tuple[object, str | None] | None = state.get(CALLER)
    return stated if stated is not None and stated[0] is scope["headers"] else None


class TrustedProxies:
    """The networks whose word about the client's address is believed.

    Args:
        networks: Addresses or networks in CIDR form, such as ``"10.0.0.0/8"``; ``"unix"`` for a server on a
            Unix socket, which has no peer address.

    Raises:
        ValueError: One of them is no address or network.
        TypeError: A bare string was passed instead of a list.
    """

    def __init__(self, networks: Iterable[str] = ()) -> None:
        if isinstance(networks, str):
            raise TypeError(f"trusted_proxies takes a list: write [{networks!r}]")
        self._networks: list[_Network] = []
        self._unix = False
        for network in networks:
            self._add(network)

    def _add(self, network: str) -> None:
        if network == "unix":
            self._unix = True
            return
        try:
            self._networks.append(ip_network(network))
        except ValueError as error:
            raise ValueError(f'{network!r} is no address or network: write it like "10.0.0.0/8"') from error

    def __bool__(self) -> bool:
        return self._unix or bool(self._networks)

    def trusts_peer(self, scope: "Scope") -> bool:
        """Tell whether the connection itself comes from a trusted proxy."""
        client = scope.get("client")
        if not client or not client[0]:
            return self._unix
        address = _parse(client[0])
        return address is not None and self._holds(address)

    def _holds(self, address: _Address) -> bool:
        return any(address.version == network.version and address in network for network in self._networks)

    def client(self, scope: "Scope") -> str | None:
        """Give the client's address: the nearest hop that is not a trusted proxy.

        Hops are read from ``Forwarded`` or ``X-Forwarded-For``, from right to left; the first that is not trusted, or
        cannot be read, ends the walk. Nothing a client writes further left can change the answer. Where both headers
        are there and do not agree, neither is believed.

        Returns:
            The address as text, IPv4-mapped IPv6 unwrapped; None when even the peer is unknown.

        Reference: RFC 7239, section 5.2.
        """
        return self._walk(scope)[0]

    def finds_client_in(self, networks: "TrustedProxies", scope: "Scope") -> bool:
        """Tell whether the client is known to come from one of ``networks``.

        Where a proxy's word cannot be believed, `client` names the proxy, which may be allowed what its clients are
        not: here the answer is no.
        """
        address, certain = self._walk(scope)
        return certain and networks.trusts_peer({"client": (address, 0)})

    def _walk(self, scope: "Scope") -> tuple[str | None, bool]:
        client = scope.get("client")
        peer = client[0] if client else None
        if not (self._networks or self._unix) or not self.trusts_peer(scope):
            return _canonical(peer), True
        headers = scope["headers"]
        claims = [_forwarded(find_all(headers, b"forwarded")), _x_forwarded_for(find_all(headers, b"x-forwarded-for"))]
        found = [self._nearest(hops, peer) for hops in claims if hops is not None]
        believed = {address for address, _ in found}
        # A proxy writes one of the two and lets the other pass as the client sent it. Where both are there and differ,
        # nobody can tell which is which.
        if len(believed) == 1:
            return believed.pop(), all(certain for _, certain in found)
        return _canonical(peer), not found

    def _nearest(self, hops: Sequence[str], peer: str | None) -> tuple[str | None, bool]:
        """Walk to the first hop that is not trusted; tell whether all on the way could be read."""
        nearest = _canonical(peer)
        for hop in reversed(hops):
            address = _parse(hop)
            if address is None:
                return nearest, False
            nearest = str(address)
            if not self._holds(address):
                break
        return nearest, True


def client_address(scope: "Scope", proxies: TrustedProxies | None = None) -> str | None:
    """Give the client's address: the peer's, or behind trusted ``proxies`` the one they vouch for."""
    return (proxies or TrustedProxies()).client(scope)


def network(address: str | None, ipv6_prefix: int = 64) -> str:
    """Give what one client has hold of: an IPv4 address, or a block of IPv6.

    Args:
        address: The client's address; None where it is not known.
        ipv6_prefix: How many bits of an IPv6 address one client cannot choose.

    Reference: RFC 6177, section 2: a site gets a /64 at the least, so its guests can have any address of it.
    """
    if address is None or ":" not in address:
        return address or ""
    parsed = _parse(address)
    if not isinstance(parsed, IPv6Address):
        return address if parsed is None else str(parsed)
    hidden = 128 - ipv6_prefix
    return f"{IPv6Address(int(parsed) >> hidden << hidden)}/{ipv6_prefix}"


def _x_forwarded_for(values: Sequence[bytes]) -> list[str] | None:
    if not values:
        return None
    listed = b",".join(values).decode("latin-1").rsplit(",", _MOST_HOPS)[-_MOST_HOPS:]
    # RFC 9110, section 5.6.1.2: empty elements of a list are ignored.
    return [element.strip() for element in listed if element.strip()]


def _forwarded(values: Sequence[bytes]) -> list[str] | None:
    """Give the hops that ``Forwarded`` lists, an empty text for one that is not named.

    The grammar is kept to the letter: a quote that a client left open would otherwise swallow what our proxy appended.
    """
    if not values:
        return None
    text = b",".join(values).decode("latin-1")
    if text.count(",") >= _MOST_HOPS:
        return [""]
    hops: list[str] = []
    position = 0
    while position < len(text):
        element = _ELEMENT.match(text, position)
        if element is None:
            return [""]
        position = element.end()
        if element[1]:
            hops.append(_forwarded_for(element[1]))
    return hops


def _forwarded_for(element: str) -> str:
    found = [value for name, value in _PAIR.findall(element) if name.lower() == "for"]
    return found[0].strip('"') if len(found) == 1 else ""


def _parse(text: str) -> _Address | None:
    """Read ``192.0.2.1``, ``192.0.2.1:8080``, ``2001:db8::1``, ``[2001:db8::1]:8080``; anything else is None."""
    bracketed = _BRACKETED.fullmatch(text)
    with_port = text.count(":") == 1
    host = bracketed[1] if bracketed else text.partition(":")[0] if with_port else text
    try:
        # A zone (fe80::1%eth0) may hold any characters, and means nothing on another machine.
        address: _Address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def _canonical(peer: str | None) -> str | None:
    # What a server reports is well formed; only IPv6 has more than one form.
    if not peer or ":" not in peer:
        return peer or None
    address = _parse(peer)
    return peer if address is None else str(address)
