# Covariance of cells of one design, and of linear combinations of them.
#
# A table made with `covariance = TRUE` carries its `spread`: the influence functions of each cell,
# or its estimates under each replicate weight. Combinations are made of those first; their
# covariance is then survey's own (svyrecvar; for replicates the sum of svrVar), as svycontrast.

# parts:         spreads of tables of one design
# coefficients:  for each part a matrix, combinations x rows of the table
# lonely_psu:    the rule in force
combined_covariance <- function(design, parts, coefficients, lonely_psu) {
  if (inherits(design, "svyrep.design")) {
    deviations <- Map(function(part, weights) {
      scaled_deviations(design, part) %*% t(weights)
    }, parts, coefficients)
    return(crossprod(Reduce(`+`, deviations)))
  }
  combined <- Map(function(part, weights) {
    scores <- cell_scores(part, nrow(design$cluster))
    scores %*% (t(weights) * part$per * lift(design, part, scores, lonely_psu))
  }, parts, coefficients)
  recursive_variance(design, Reduce(`+`, combined), parts, lonely_psu)
}

# Influence functions of a table: records x rows, zero outside a row's cell.
cell_scores <- function(part, n_records) {
  scores <- matrix(0, n_records, length(part$estimate))
  for (cell in part$cells) {
    scores[cell$rows, (cell$cell - 1) * part$width + seq_len(part$width)] <- cell$scores
  }
  scores
}

recursive_variance <- function(design, scores, parts, lonely_psu) {
  # Under "average" each cell borrows for its own lonely strata (see `lift`).
  if (lonely_psu == "average") lonely_psu <- "remove"
  kept <- options(survey.lonely.psu = lonely_psu)
  on.exit(options(kept))
  rows <- sort(unique(unlist(lapply(parts, function(part) lapply(part$cells, `[[`, "rows")))))
  if (length(rows) == 0) {
    return(matrix(0, ncol(scores), ncol(scores)))
  }
  inside <- restrict(design, seq_len(nrow(scores)) %in% rows)
  svyrecvar(scores[rows, , drop = FALSE], inside$cluster, inside$strata, inside$fpc,
    postStrata = inside$postStrata
  )
}

# How much the rule "average" raises the standard error of each row above that without the lonely
# strata; 1 under the other rules.
lift <- function(design, part, scores, lonely_psu) {
  if (lonely_psu != "average") {
    return(rep(1, length(part$estimate)))
  }
  own <- diag(as.matrix(recursive_variance(design, scores, list(part), lonely_psu)))
  known <- ifelse(is.na(part$se), 0, part$se)
  ifelse(own > 0, known / sqrt(own), 1)
}

# Scaled deviations of the replicates, as svrVar takes them; a replicate without an estimate of a
# cell counts as none.
scaled_deviations <- function(design, part) {
  apart <- matrix(NA_real_, length(design$rscales), length(part$estimate))
  for (cell in part$cells) {
    at <- (cell$cell - 1) * part$width + seq_len(part$width)
    apart[, at] <- replicate_deviations(cell$scores, part$estimate[at], design)
  }
  apart[is.na(apart)] <- 0
  apart * sqrt(design$rscales * design$scale) * part$per
}

# Degrees of freedom of each combination: `degf` of the cases of all its cells together.
combined_df <- function(design, parts, coefficients) {
  vapply(seq_len(nrow(coefficients[[1]])), function(i) {
    rows <- Map(function(part, weights) {
      cells <- unique((which(weights[i, ] != 0) - 1) %/% part$width + 1)
      used <- Filter(function(cell) cell$cell %in% cells, part$cells)
      lapply(used, function(cell) cell$rows[cell$weighted])
    }, parts, coefficients)
    inside <- unique(unlist(rows))
    n_records <- length(design_rows(design))
    if (length(inside) == 0) 0L else degf(restrict(design, seq_len(n_records) %in% inside))
  }, numeric(1))
}
