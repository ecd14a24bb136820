"""Where products live: their metadata, their files, their tables."""
