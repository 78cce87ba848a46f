import os

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

# CORS_ORIGINS=https://shop.example, https://admin.example
setting = os.environ.get(
    "CORS_ORIGINS", "https://shop.example"
)
origins = [
    origin.strip() for origin in setting.split(",")
]

app = FastAPI()
app.add_middleware(
    CORSMiddleware,
    allow_origins=origins,
    allow_credentials=True,
    allow_methods=["*"],
    allow_headers=["*"],
)


@app.get("/books")
async def list_books():
    return ["Middlemarch"]
