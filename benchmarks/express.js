// This server does in Node what naive.py does: it takes Express 5 and OpenAI's SDK, and sends a JSON line for each delta.
const express = require("express");
const OpenAI = require("openai");

const client = new OpenAI();
const conversations = new Map();
const app = express();
app.use(express.json());

app.get("/healthz", (request, response) => response.json({ status: "ok" }));

app.post("/ask", async (request, response) => {
  const question = (request.body.question || "").trim();
  if (!question) return response.status(400).json({ error: "question is required" });
  const sessionId = request.body.sessionId || "default";
  const messages = [...(conversations.get(sessionId) || []).slice(-20), { role: "user", content: question }];
  const tell = (fields) => response.write(`data: ${JSON.stringify(fields)}\n\n`);
  response.set({ "Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no" });
  const hangup = new AbortController();
  response.on("close", () => hangup.abort());
  let written = "";
  try {
    const stream = await client.responses.create(
      {
        model: "gpt-4.1-mini",
        instructions: "You are a helpful assistant.",
        input: messages,
        temperature: 0.7,
        stream: true,
      },
      { signal: hangup.signal },
    );
    for await (const event of stream) {
      if (event.type === "response.output_text.delta") {
        written += event.delta;
        tell({ type: "text", content: event.delta });
      } else if (event.type === "error") {
        tell({ type: "error", content: event.message });
      }
    }
  } catch (error) {
    tell({ type: "error", content: String(error) });
  }
  conversations.set(sessionId, [...messages, { role: "assistant", content: written }]);
  tell({ type: "done" });
  response.end();
});

app.listen(Number(process.env.PORT), "127.0.0.1");
