r"""Limits by default, by route, by plan and by account, on quotes and a translator.

```console
$ hatch run demo ratelimit:app
$ curl -i localhost:8000/quotes
HTTP/1.1 200 OK
…
ratelimit-policy: "default";q=1000;w=60
ratelimit: "default";r=999;t=…
…
$ curl localhost:8000/quotes/random
"Well begun is half done."
$ curl localhost:8000/quotes/random
"Well begun is half done."
$ curl -i localhost:8000/quotes/random
HTTP/1.1 429 Too Many Requests
…
retry-after: …
…
$ curl localhost:8000/search?q=half -H 'X-API-Key: key-of-bob'
["Well begun is half done."]
$ curl -i localhost:8000/search?q=half -H 'X-API-Key: key-of-bob'
HTTP/1.1 429 Too Many Requests
…
$ curl localhost:8000/search?q=half -H 'X-API-Key: key-of-ada'
["Well begun is half done."]
$ curl localhost:8000/translate -H 'X-API-Key: key-of-bob' --json '{"text": "well begun"}'
{"text":"nugeb llew","words_left":98}
$ curl -i localhost:8000/login -d login=ada -d password=brick
HTTP/1.1 401 Unauthorized
…
$ curl -i localhost:8000/login -d login=Ada -d password=mortar
HTTP/1.1 401 Unauthorized
…
$ curl -i localhost:8000/login -d login=ada -d password=trowel
HTTP/1.1 429 Too Many Requests
…
$ curl localhost:8000/login -d login=bob -d password=amber
"Welcome, bob."
$ curl localhost:8000/health
"ok"
$ curl -s localhost:8000/limits
…
```
"""

from typing import Annotated, NamedTuple

from fastapi import Body, Depends, FastAPI, Form, Header, HTTPException
from fastapi.responses import PlainTextResponse

from brickwork import install
from brickwork.ratelimit import Budget, RateLimiter, ResponseInfo, Rule, by_form, by_ip

QUOTES = ["Well begun is half done.", "Rome was not built in a day."]
PASSWORDS = {"ada": "violet", "bob": "amber"}  # yours are hashed: see the example `auth`
PLANS = {"free": "1/minute; 20/day", "paid": "20/second", "ours": None}


class Customer(NamedTuple):
    name: str
    plan: str


CUSTOMERS = {"key-of-ada": Customer("ada", "paid"), "key-of-bob": Customer("bob", "free")}

PROXIES: list[str] = []  # whose word about a client's address counts, such as "10.0.0.0/8"

limiter = RateLimiter(default="1000/minute", trusted_proxies=PROXIES)
app = FastAPI()
install(app, rate_limit={"limiter": limiter, "exempt": {"/docs", "/openapi.json"}})


def customer(x_api_key: Annotated[str, Header()]) -> Customer:
    if found := CUSTOMERS.get(x_api_key):
        return found
    raise HTTPException(401)


CurrentCustomer = Annotated[Customer, Depends(customer)]


def name(customer: CurrentCustomer) -> str:
    return customer.name


def plan(customer: CurrentCustomer) -> str | None:
    return PLANS[customer.plan]


def failed(response: ResponseInfo) -> bool:
    return response.status_code == 401


WordBudget = Annotated[Budget, limiter.budget("100/day", key=Depends(name))]
logins = limiter.depends(
    Rule("2/minute; 10/hour", key=by_form("login") & by_ip(PROXIES), count_when=failed, name="account"),
    Rule("50/hour", count_when=failed, name="address"),
)


@app.get("/quotes")
async def list_quotes() -> list[str]:
    return QUOTES


@app.get("/quotes/random", dependencies=[limiter.depends("2/minute", "30/hour")])
async def random_quote() -> str:
    return QUOTES[0]  # chosen by a fair roll of a die


@app.get("/quotes/report")
@limiter.limit("6/minute burst 2", cost=2)
def report() -> str:
    return f"{len(QUOTES)} quotes, {sum(map(len, QUOTES))} letters"


@app.get("/search", dependencies=[limiter.depends(plan, key=Depends(name))])
async def search(q: str) -> list[str]:
    return [quote for quote in QUOTES if q in quote]


@app.post("/translate")
async def translate(text: Annotated[str, Body(embed=True)], words: WordBudget) -> dict[str, str | int | None]:
    await words.spend(len(text.split()))
    return {"text": text[::-1], "words_left": words.remaining}


@app.post("/login", dependencies=[logins])
async def log_in(login: Annotated[str, Form()], password: Annotated[str, Form()]) -> str:
    if PASSWORDS.get(login.casefold()) == password:
        return f"Welcome, {login}."
    raise HTTPException(401)


@app.get("/health")
@limiter.exempt
async def health() -> str:
    return "ok"


@app.get("/limits", response_class=PlainTextResponse)
async def limits() -> str:
    return str(limiter.routes(app))
