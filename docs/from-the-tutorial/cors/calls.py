def calls(client):
    ours = {"Origin": "https://shop.example"}
    answer = client.get("/books", headers=ours)
    assert (
        answer.headers["Access-Control-Allow-Origin"]
        == "https://shop.example"
    )
    assert (
        answer.headers["Access-Control-Allow-Credentials"]
        == "true"
    )

    asked = {
        **ours,
        "Access-Control-Request-Method": "GET",
    }
    answer = client.options("/books", headers=asked)
    assert answer.status_code == 200

    theirs = {"Origin": "https://evil.example"}
    answer = client.get("/books", headers=theirs)
    assert (
        "Access-Control-Allow-Origin"
        not in answer.headers
    )
