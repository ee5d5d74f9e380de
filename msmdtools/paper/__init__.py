"""Music on paper: systems in pictures, the strip that they make side by side, and places on it in time."""
