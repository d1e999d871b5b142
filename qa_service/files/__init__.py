"""What was uploaded: telling kinds apart, one reader a kind, and the processes they run in."""
