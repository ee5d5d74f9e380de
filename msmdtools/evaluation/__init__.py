"""How good a model is at finding sheet music by sound and sound by sheet music."""
