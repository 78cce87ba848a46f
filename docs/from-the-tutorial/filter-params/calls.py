def calls(client):
    def names(path):
        return [
            item["name"]
            for item in client.get(path).json()
        ]

    assert names("/items?sort_by=price") == [
        "Tile",
        "Brick",
        "Yellow brick",
    ]
    assert names(
        "/items?name=brick&order=desc&sort_by=id"
    ) == [
        "Yellow brick",
        "Brick",
    ]
    assert names("/items?min_price=5&max_price=10") == [
        "Brick"
    ]
