"""Tools of every room that know nothing of music: files, locks, tables, processes, options, drawing.

In: bytes, rows, functions. Out: files that are whole or absent, typed tables, results in order.
Keep: a file gets its final name only when it is complete (`files`); what is read is verified (`parquet`, `seal`).
"""
