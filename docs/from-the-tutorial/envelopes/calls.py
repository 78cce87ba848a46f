def calls(client):
    answer = client.get("/books/1")
    assert answer.json() == {
        "success": True,
        "data": {"title": "Middlemarch"},
    }

    answer = client.get("/books/7")
    assert answer.status_code == 404
    assert answer.json()["success"] is False
    assert answer.json()["error"]["code"] == "http-404"
    assert (
        answer.json()["error"]["message"]
        == "No such book."
    )

    answer = client.get("/books/first")
    assert answer.status_code == 422
    assert (
        answer.json()["error"]["code"]
        == "validation-error"
    )

    answer = client.get("/books/0")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "http-500"
