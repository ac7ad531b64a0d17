"""The baseline: a bare FastAPI route that validates the same body and sends it back."""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI

from ringfinder.serve.rows import Signup

app = FastAPI(docs_url=None, redoc_url=None)


@app.post("/echo")
async def echo(body: Signup) -> Signup:
    return body


if __name__ == "__main__":
    uvicorn.run(
        app, port=int(sys.argv[1]), http="httptools", loop="uvloop", log_level="error",
        access_log=False,
    )  # fmt: skip
