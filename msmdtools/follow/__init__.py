"""Where a recording is on its sheet at every moment, from all of it or as it is heard.

In: a sheet, a recording, a model. Out: each moment's place, or that it is off the sheet; table, picture, player.
Keep: online, nothing depends on what comes later.
"""
