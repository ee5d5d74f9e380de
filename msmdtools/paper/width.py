"""The width of pages by which sizes in pixels are counted."""

# In px: that of the pages that models are trained on.
NOMINAL_WIDTH = 835
