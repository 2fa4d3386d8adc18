"""Survey estimation: one design, two engines, the same tidy frame from both."""

from lfsmig.survey.contrast import contrast, differences, pairwise
from lfsmig.survey.design import SurveyDesign
from lfsmig.survey.estimate import Estimate
from lfsmig.survey.functionals import Replicated
from lfsmig.survey.weighting import linked_replicates

__all__ = [
    "Estimate", "Replicated", "SurveyDesign", "contrast", "differences", "linked_replicates",
    "pairwise",
]  # fmt: skip
