"""An answer's life: written once, read by whoever asks, stopped when told, taken over when its worker dies."""
