"""This server is what teams paste when they need a streaming answer: Flask, the SDK's events, and a JSON line for each
delta.

The other servers are compared with it. It keeps conversations in its process, as such samples do.
"""

import json
import os
from collections import defaultdict
from collections.abc import Iterator

from flask import Flask, Response, request, stream_with_context
from httpx2 import Limits
from openai import DefaultHttpxClient, OpenAI
from openai.types.responses import EasyInputMessageParam

app = Flask(__name__)
# The SDK opens a thousand connections at most, and the benchmark holds two thousand streams.
client = OpenAI(http_client=DefaultHttpxClient(limits=Limits(max_connections=None)))
conversations: dict[str, list[EasyInputMessageParam]] = defaultdict(list)


def frame(fields: dict[str, str]) -> str:
    return f"data: {json.dumps(fields)}\n\n"


def tell(session_id: str, question: str) -> Iterator[str]:
    messages = conversations[session_id][-20:]
    messages.append({"role": "user", "content": question})
    written = []
    try:
        stream = client.responses.create(
            model="gpt-4.1-mini",
            instructions="You are a helpful assistant.",
            input=[*messages],
            temperature=0.7,
            stream=True,
        )
        for event in stream:
            if event.type == "response.output_text.delta":
                written.append(event.delta)
                yield frame({"type": "text", "content": event.delta})
            elif event.type == "error":
                yield frame({"type": "error", "content": event.message})
    except Exception as error:  # noqa: BLE001 - such samples catch everything
        yield frame({"type": "error", "content": str(error)})
    messages.append({"role": "assistant", "content": "".join(written)})
    conversations[session_id] = messages
    yield frame({"type": "done"})


@app.post("/ask")
def ask() -> Response:
    fields = request.get_json()
    question = fields.get("question", "").strip()
    if not question:
        return Response(json.dumps({"error": "question is required"}), status=400, mimetype="application/json")
    return Response(
        stream_with_context(tell(fields.get("sessionId", "default"), question)),
        mimetype="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )


@app.get("/healthz")
def health() -> dict[str, str]:
    return {"status": "ok"}


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "5000")), threaded=True)
