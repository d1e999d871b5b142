"""Finding what files say about a question: their text is split into passages, and the passages are ranked."""
