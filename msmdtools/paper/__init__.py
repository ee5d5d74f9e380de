"""Music on paper: the systems in a picture, the strip that they form side by side, places and times on it.

In: page images, boxes of staves, places of note heads. Out: systems, the strip, seconds ↔ (page, x, y).
Keep: a place is a float; pixel i covers i to i + 1. Windows, snippets and the follower share this ruler.
"""
