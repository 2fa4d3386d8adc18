# Survey designs for the estimates of this project.
#
# A design is R's own `svydesign` (or `svrepdesign`). The item columns are attached to the rows
# an estimate needs, and not before: subsetting a design of 200,000 persons then copies the
# design columns only.

suppressPackageStartupMessages(library(survey))

# Our rule for strata with one PSU; R's own default is "fail". A stratum whose cases of a domain
# happen to lie in one PSU is not lonely: its other PSUs count with zero.
use_lonely_rule <- function(lonely_psu) {
  options(survey.lonely.psu = lonely_psu, survey.adjust.domain.lonely = FALSE)
}

# Stratified design, one or two stages, with or without population sizes (`fpc`).
#
# strata:  factor, or NULL for an unstratified sample
# psu:     list of one or two vectors of unit codes; NULL makes each record its own unit
# fpc:     list of population sizes or sampling fractions, one per stage, or NULL
stratified_design <- function(weight, strata = NULL, psu = NULL, fpc = NULL, nest = FALSE) {
  rows <- seq_along(weight)
  ids <- if (is.null(psu)) data.frame(psu = rows) else stage_frame(psu, "psu")
  sizes <- if (is.null(fpc)) NULL else stage_frame(fpc, "fpc")
  if (!is.null(strata)) {
    strata <- data.frame(strata = strata)
  }
  svydesign(
    ids = ids, strata = strata, weights = weight, fpc = sizes, nest = nest,
    data = data.frame(row = rows)
  )
}

stage_frame <- function(columns, name) {
  names(columns) <- paste0(name, seq_along(columns))
  as.data.frame(columns)
}

# Weight of each record, calibrated where the design is.
sampling_weights <- function(design) as.vector(weights(design, "sampling"))

# Rows of the full data that a (subset) design holds.
design_rows <- function(design) design$variables$row

# The design restricted to the records where `keep` is TRUE, with all strata and PSUs counted.
restrict <- function(design, keep) {
  if (all(keep)) design else subset(design, keep)
}

# Give the design the columns of one table.
attach_items <- function(design, items) {
  design$variables <- data.frame(items, check.names = FALSE)
  design
}
