"""Snippet retrieval: windows of sheet and audio among thousands of candidates."""
