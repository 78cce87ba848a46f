from fastapi import FastAPI

app = FastAPI()
fake_items_db = [{"name": f"Item {n}"} for n in range(50)]


@app.get("/items")
async def read_items(skip: int = 0, limit: int = 10):
    return fake_items_db[skip : skip + limit]
