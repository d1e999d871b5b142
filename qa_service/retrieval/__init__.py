"""What the files say about a question: splitting into passages, and ranking them."""
