"""What every room needs and what knows nothing of music: files, tables, processes, drawing, options."""
