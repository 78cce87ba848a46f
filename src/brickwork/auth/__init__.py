"""Authentication and authorization: tokens, sessions, roles, scopes, API keys, passwords.

```python
import secrets
from typing import Annotated

from fastapi import Depends, FastAPI

from brickwork.auth import Auth, MemoryUser, MemoryUserStore

auth = Auth(MemoryUserStore(), secret=secrets.token_urlsafe(64))
app = FastAPI()
app.include_router(auth.router(), prefix="/auth")

@app.get("/me")
async def me(user: Annotated[MemoryUser, Depends(auth.user)]) -> str:
    return user.login
```
"""

from ._depends.auth import (
    Auth,
)
from ._depends.transports import (
    CookieTransport,
    HeaderTransport,
    QueryTransport,
    SocketTransport,
    Transport,
)
from ._errors import (
    AmbiguousCredentialsError,
    ApiKeyNotFoundError,
    AuthUnavailableError,
    CSRFError,
    ForbiddenError,
    HasherBusyError,
    InsufficientScopeError,
    InvalidApiKeyError,
    InvalidCredentialsError,
    InvalidOneTimeTokenError,
    InvalidTokenError,
    LoginTakenError,
    LoginTooOldError,
    NotAuthenticatedError,
    SessionNotFoundError,
    TooManyAttemptsError,
    WeakPasswordError,
)
from ._routes import (
    Registration,
    UserOut,
)
from ._rules.logins import (
    StrongPassword,
    UserName,
    normalise_login,
)
from ._rules.scopes import (
    InvalidScopeError,
)
from ._rules.values import (
    ApiKey,
    AuthEvent,
    Claims,
    NewApiKey,
    Rotation,
    Session,
    TokenResponse,
)
from ._service.lockout import (
    Lockout,
)
from ._service.policy import (
    PasswordPolicy,
)
from ._store import (
    ApiKeyStore,
    AttemptStore,
    Codec,
    TokenStore,
    User,
    UserStore,
)
from .jose import (
    Algorithm,
    JoseCodec,
    Key,
    Keys,
)
from .memory import (
    MemoryApiKeyStore,
    MemoryAttemptStore,
    MemoryTokenStore,
    MemoryUser,
    MemoryUserStore,
)
from .passlib import (
    PasswordHasher,
)

__all__ = [
    "Algorithm",
    "AmbiguousCredentialsError",
    "ApiKey",
    "ApiKeyNotFoundError",
    "ApiKeyStore",
    "AttemptStore",
    "Auth",
    "AuthEvent",
    "AuthUnavailableError",
    "CSRFError",
    "Claims",
    "Codec",
    "CookieTransport",
    "ForbiddenError",
    "HasherBusyError",
    "HeaderTransport",
    "InsufficientScopeError",
    "InvalidApiKeyError",
    "InvalidCredentialsError",
    "InvalidOneTimeTokenError",
    "InvalidScopeError",
    "InvalidTokenError",
    "JoseCodec",
    "Key",
    "Keys",
    "Lockout",
    "LoginTakenError",
    "LoginTooOldError",
    "MemoryApiKeyStore",
    "MemoryAttemptStore",
    "MemoryTokenStore",
    "MemoryUser",
    "MemoryUserStore",
    "NewApiKey",
    "NotAuthenticatedError",
    "PasswordHasher",
    "PasswordPolicy",
    "QueryTransport",
    "Registration",
    "Rotation",
    "Session",
    "SessionNotFoundError",
    "SocketTransport",
    "StrongPassword",
    "TokenResponse",
    "TokenStore",
    "TooManyAttemptsError",
    "Transport",
    "User",
    "UserName",
    "UserOut",
    "UserStore",
    "WeakPasswordError",
    "normalise_login",
]
