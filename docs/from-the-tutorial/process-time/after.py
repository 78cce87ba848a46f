from fastapi import FastAPI

from brickwork import install

app = FastAPI()
install(app, process_time=True)


@app.get("/books")
async def list_books():
    return ["Middlemarch"]
