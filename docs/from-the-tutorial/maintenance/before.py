from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

app = FastAPI()
app.state.maintenance = False


@app.middleware("http")
async def maintenance_mode(request: Request, call_next):
    exempt = request.url.path in {
        "/health",
        "/maintenance",
    }
    if app.state.maintenance and not exempt:
        return JSONResponse(
            status_code=503,
            content={
                "detail": "The service is closed for maintenance."
            },
            headers={"Retry-After": "120"},
        )
    return await call_next(request)


@app.put("/maintenance")
async def switch(on: bool):
    app.state.maintenance = on
    return {"maintenance": on}


@app.get("/health")
async def health():
    return {"status": "ok"}


@app.get("/books")
async def list_books():
    return ["Middlemarch"]
