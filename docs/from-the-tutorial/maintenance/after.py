from fastapi import FastAPI

from brickwork import install
from brickwork.stack import Maintenance

maintenance = Maintenance(
    exempt=["/health", "/maintenance"], retry_after=120
)

app = FastAPI()
install(app, maintenance=maintenance)


@app.put("/maintenance")
async def switch(on: bool):
    if on:
        maintenance.enable()
    else:
        maintenance.disable()
    return {"maintenance": on}


@app.get("/health")
async def health():
    return {"status": "ok"}


@app.get("/books")
async def list_books():
    return ["Middlemarch"]
