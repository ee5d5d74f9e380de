"""From a tree of LilyPond files to pieces: what is a piece, what its header says, manifests."""
