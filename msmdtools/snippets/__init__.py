"""Cut a dataset into paired windows of sheet and audio, in Parquet shards, and read them again.

In: a dataset and a split. Out: a folder of snippets: shards, `snippets.json`, a card.
Keep: the same dataset and options give the same bytes, whatever the number of workers.
"""
