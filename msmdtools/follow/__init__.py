"""Where a recording is on its sheet at every moment: all of it at once, or as it is heard."""
