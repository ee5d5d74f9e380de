"""Which pieces are for training, validation and testing, and which share music or are of one work."""
