import os

from fastapi import FastAPI

from brickwork import install

# CORS_ORIGINS=https://shop.example, https://admin.example
setting = os.environ.get(
    "CORS_ORIGINS", "https://shop.example"
)

app = FastAPI()
install(
    app, cors={"origins": setting, "credentials": True}
)


@app.get("/books")
async def list_books():
    return ["Middlemarch"]
