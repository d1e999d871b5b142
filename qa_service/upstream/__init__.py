"""What we ask: OpenAI's Responses API, or, without a key, the files themselves."""
