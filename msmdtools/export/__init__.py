"""A dataset in other people's formats: COCO, YOLO, MuNG, and the folders of MSMD in both directions.

In: a dataset, some of its pieces, perhaps a split. Out: a folder that the tools of that format read.
Keep: every object can be traced to its row of a table, and a folder gets its name once it is whole.

Nothing is imported here, so that each command loads only what it needs.
"""
