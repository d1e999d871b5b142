"""This package has what the service knows of languages: their words, sentences, cues, phrases and charsets."""
