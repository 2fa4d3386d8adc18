"""Synthetic raw files in the survey's own layout, since the real records are confidential.

`generate` writes one folder a year, in the file formats and with the inconsistencies that the
intake must survive. Records are drawn by a documented model (params/sample_model.yml) and tuned to
published figures (params/sample_targets.yml).
"""

from lfsmig.sample.generate import generate

__all__ = ["generate"]
