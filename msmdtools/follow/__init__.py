"""Where a recording is on its sheet at every moment, from the whole recording or while it is heard.

In: a sheet, a recording, a model. Out: the place at each moment, or that it is off the sheet; table,
picture, player.
Keep: online, nothing depends on what comes later.
"""
