"""Snippets: finding the sheet window of an audio window among thousands of others, and the reverse."""
