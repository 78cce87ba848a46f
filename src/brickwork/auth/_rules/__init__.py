"""What authentication decides by itself: tokens, claims, scopes, passwords, logins, sessions."""
