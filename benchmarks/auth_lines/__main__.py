"""Runs each app, asks it whether it does what it is counted for, and counts the lines that somebody had to write.

```console
$ python -m benchmarks.auth_lines
```

A line counts unless it is blank, a comment, a docstring or an import. Where users come from is counted for nobody.
"""

import ast
import asyncio
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
PAGE: Final = HERE.parents[1] / "docs" / "benchmarks" / "auth-lines.md"
PASSWORD: Final = "violet kettle bridge"
PARTS: Final = {
    "login": "login and a protected route",
    "refresh": "refresh with rotation and reuse detection",
    "role": "a role",
    "key": "API keys",
}


@dataclass(frozen=True)
class App:
    """One app, and how a client calls it.

    Attributes:
        module: Where it is.
        name: What it is called.
        login: Where the form of a login goes.
        refresh: Where a refresh token goes, as a form; None where the package offers none.
        keys: Whether it has API keys.
    """

    module: str
    name: str
    login: str
    refresh: str | None = None
    keys: str | None = None


APPS: Final = (
    App("ours", "**Brickwork**", "/auth/token", "/auth/token", "/auth/keys"),
    App("by_hand", "FastAPI, PyJWT and pwdlib by hand", "/token", "/refresh", "/keys"),
    App("with_fastapi_users", "fastapi-users", "/auth/login"),
    App("with_authx", "authx", "/login", "/refresh"),
    App("with_litestar", "Litestar", "/login"),
)


def count(module: str) -> dict[str, int]:
    """Give the lines that somebody had to write, by part; a part that is not there is missing."""
    text = (HERE / f"{module}.py").read_text("utf-8")
    free = {line for node in ast.walk(ast.parse(text)) if _is_free(node) for line in _lines(node)}
    part, counted = "", dict[str, int]()
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("# --- "):
            part = line.removeprefix("# --- ")
            counted.setdefault(part, 0)
        elif part and line.strip() and not line.strip().startswith("#") and number not in free:
            counted[part] += 1
    return {name: lines for name, lines in counted.items() if name in PARTS}


def _is_free(node: ast.AST) -> bool:
    docstring = (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    )
    return docstring or isinstance(node, ast.Import | ast.ImportFrom)


def _lines(node: Any) -> range:
    return range(node.lineno, node.end_lineno + 1)


def table() -> str:
    """Give the counts for the documentation."""
    lines = [f"| | {' | '.join(PARTS.values())} |", f"|---|{'---:|' * len(PARTS)}"]
    for app in APPS:
        counted = count(app.module)
        cells = " | ".join(str(counted[part]) if part in counted else "not offered" for part in PARTS)
        lines.append(f"| {app.name} | {cells} |")
    return "\n".join(lines) + "\n"


async def check(app: App) -> None:
    """Ask an app whether it does what it is counted for.

    Raises:
        AssertionError: It does not.
    """
    import httpx2  # here, so that counting needs nothing

    module = import_module(f"benchmarks.auth_lines.{app.module}")
    await module.prepare(PASSWORD)
    transport = httpx2.ASGITransport(app=module.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        caller = _Caller(app, client)
        await caller.check_login()
        if app.refresh is not None:
            await caller.check_refresh(app.refresh)
        if app.keys is not None:
            await caller.check_keys(app.keys)


class _Caller:
    def __init__(self, app: App, client: Any) -> None:
        self._app = app
        self._client = client

    async def status(self, path: str, token: str | None = None) -> int:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return int((await self._client.get(path, headers=headers)).status_code)

    async def log_in(self, name: str, password: str = PASSWORD) -> Any:
        form = {"grant_type": "password", "username": name, "password": password}
        return await self._client.post(self._app.login, data=form)

    async def check_login(self) -> None:
        refused = [await self.log_in("ada", "a guess"), await self.log_in("nobody")]
        ada, bob = [(await self.log_in(name)).json()["access_token"] for name in ("ada", "bob")]
        seen = [await self.status("/me", token) for token in (ada, bob, None, f"{ada}x")]
        admins = [await self.status("/admin", token) for token in (ada, bob, None)]

        assert all(400 <= answer.status_code < 500 for answer in refused), self._app
        assert seen[:3] == [200, 200, 401], (self._app, seen)
        assert 400 <= seen[3] < 500, (self._app, seen)
        assert admins == [200, 403, 401], (self._app, admins)

    async def check_refresh(self, path: str) -> None:
        async def refresh(token: str) -> Any:
            form = {"grant_type": "refresh_token", "refresh_token": token, "token": token}
            return await self._client.post(path, data=form, headers={"Authorization": f"Bearer {token}"})

        first = (await self.log_in("ada")).json()["refresh_token"]
        second = (await refresh(first)).json()
        third = (await refresh(second["refresh_token"])).json()
        reused = await refresh(first)
        after = await refresh(third["refresh_token"])

        assert await self.status("/me", second["access_token"]) in {200, 401}, self._app
        assert 400 <= reused.status_code < 500, self._app
        assert 400 <= after.status_code < 500, f"{self._app}: the thief goes on"

    async def check_keys(self, path: str) -> None:
        token = (await self.log_in("ada")).json()["access_token"]
        body = {"json": {"name": "Scanner"}} if self._app.module == "ours" else {"data": {"name": "Scanner"}}
        made = await self._client.post(path, headers={"Authorization": f"Bearer {token}"}, **body)
        keys = [made.json()["key"], "another"]
        answers = [await self._client.get("/machine", headers={"X-API-Key": key}) for key in keys]

        assert [answer.status_code for answer in answers] == [200, 401], self._app


def main() -> int:
    """Check all apps, and write the table."""
    for app in APPS:
        asyncio.run(check(app))
    PAGE.write_text(table(), "utf-8")
    print(table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
