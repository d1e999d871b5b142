"""This package finds what files say about a question. It splits their text into passages, and ranks the passages."""
