"""The values of a security-header policy, checked when they are written down."""

from .content import NONCE, ContentSecurityPolicy
from .policy import SecurityHeaders, StrictTransportSecurity, clear_site_data

__all__ = ["NONCE", "ContentSecurityPolicy", "SecurityHeaders", "StrictTransportSecurity", "clear_site_data"]
