"""A new year of data: what drifted against the year before, and a mapping to be finished."""
