"""What the service knows of Korean, English and other languages: words, sentences, cues, phrases."""
