def calls(client):
    answer = client.post("/books/1/orders?copies=2")
    assert answer.status_code == 200
    assert answer.json() == {"ordered": 2}

    answer = client.post("/books/7/orders?copies=1")
    assert answer.status_code == 404
    assert (
        answer.json()["detail"] == "There is no book 7."
    )

    answer = client.post("/books/1/orders?copies=3")
    assert answer.status_code == 409
    assert answer.json()["left"] == 2
