"""Survey estimation: one design, two engines, the same tidy frame from both."""

from lfsmig.survey.contrast import contrast, differences, pairwise
from lfsmig.survey.design import SurveyDesign
from lfsmig.survey.estimate import Estimate

__all__ = ["Estimate", "SurveyDesign", "contrast", "differences", "pairwise"]
