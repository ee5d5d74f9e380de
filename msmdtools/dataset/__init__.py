"""The dataset folder: building it (`build`), reading it (`reader`), checking and showing it.

Nothing is imported here, so that each command loads only what it needs.
"""
