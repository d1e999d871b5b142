"""Wire formats: pure encoders over the frames of an answer."""
