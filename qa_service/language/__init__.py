"""What the service knows of Korean, English and other languages: their words, sentences, cues and phrases."""
