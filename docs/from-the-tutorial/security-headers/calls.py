def calls(client):
    headers = client.get(
        "https://testserver/books"
    ).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert (
        "includeSubDomains"
        in headers["Strict-Transport-Security"]
    )
    assert (
        "default-src"
        in headers["Content-Security-Policy"]
    )
