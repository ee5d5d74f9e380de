"""What users bring: recordings, MIDI files, pictures and PDFs, read within limits."""
