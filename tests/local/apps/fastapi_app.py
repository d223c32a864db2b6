"""An app as anybody would write it for Runpod with FastAPI: nothing in it knows of lbsls."""

from __future__ import annotations

from fastapi import FastAPI, WebSocket
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.get("/ping")
async def ping() -> dict[str, str]:
    """Be well."""
    return {"status": "healthy"}


@app.post("/generate")
async def generate(body: dict[str, str]) -> dict[str, str]:
    """Answer a prompt."""
    return {"text": body["prompt"].upper()}


@app.get("/stream")
async def stream() -> StreamingResponse:
    """Answer in pieces."""
    return StreamingResponse((f"{number}\n" for number in range(1000)), media_type="text/plain")


@app.websocket("/chat")
async def chat(websocket: WebSocket) -> None:
    """Talk."""
    await websocket.accept(subprotocol="chat" if "chat" in websocket["subprotocols"] else None)
    async for text in websocket.iter_text():
        if text == "bye":
            await websocket.close(4000, "see you")
            break
        await websocket.send_text(text.upper())
