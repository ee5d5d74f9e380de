"""Models that embed sheet music and audio in one space: configurations, networks, losses, weights."""
