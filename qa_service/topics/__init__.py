"""Whether a question begins a new topic."""
