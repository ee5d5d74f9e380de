"""Following: how exactly a recording is followed on its sheet, by alignment or while it is heard."""
