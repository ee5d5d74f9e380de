"""Build a dataset: from a manifest and its sources to finished pieces in a dataset folder.

In: pieces, options. Out: a dataset folder, one row for each piece, failed ones with a reason.
Keep: whenever a build is killed, each piece is there as a whole or not at all, and the same command resumes it.
"""
