"""Where answers and sessions are kept: one Redis, or the private one of a data folder."""
