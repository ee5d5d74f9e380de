"""Numbers for how good a ranking is, and how sure they are. Pure functions of arrays."""
