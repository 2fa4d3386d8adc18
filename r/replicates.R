# Replicate weights: designs that carry them, and the kinds that `survey` does not make itself.

# Design with replicate weights. A replicate weight is a record's base weight times the multiplier
# of its unit; `scale`, `rscales` and `mse` are those of svrepdesign.
#
# weight:   sampling weights
# base:     the weights that are multiplied (those before calibration), or NULL for `weight`
# factors:  multipliers, units x replicates (or as a vector, one replicate after the other)
# unit:     unit of each record, 1 to the number of units
# psu:      the PSU of each record, which a replicate design does not know
replicate_design <- function(weight, factors, unit, scale, rscales, mse, psu, base = NULL) {
  factors <- matrix(factors, nrow = max(unit))
  # Multipliers of many records are held once: survey's own compressed form.
  compressed <- structure(
    list(weights = factors, index = unit), class = c("repweights_compressed", "repweights")
  )
  combined <- !is.null(base) && all(base == 1)
  suppressWarnings(svrepdesign(
    data = data.frame(row = seq_along(weight), psu = psu), weights = weight,
    repweights = if (combined) factors[unit, , drop = FALSE] else compressed,
    type = "other", scale = scale, rscales = rscales, combined.weights = combined, mse = mse
  ))
}

# Replicates of a stratified_design: those of as.svrepdesign, and two more kinds,
#   bootstrap   Rao-Wu-Yue: n - 1 of n PSUs with replacement (use set.seed before);
#   ACS         successive differences round each stratum, in the order of the data.
with_replicates <- function(design, kind, replicates = 500, rho = NULL, mse = kind %in% c("bootstrap", "ACS"),
                            hadamard.matrix = NULL) {
  psu <- design$cluster[, 1]
  if (kind %in% c("JK1", "JKn", "BRR", "Fay")) {
    # One stratum is none, to survey's jackknife without strata.
    if (kind == "JK1" && length(unique(design$strata[, 1])) == 1) design$has.strata <- FALSE
    more <- if (is.null(hadamard.matrix)) list() else list(hadamard.matrix = hadamard.matrix)
    rho <- if (is.null(rho)) 0 else rho
    made <- suppressWarnings(do.call(as.svrepdesign, c(
      list(design, type = kind, fay.rho = rho, mse = mse), more
    )))
    made$variables$psu <- psu
    return(made)
  }
  units <- !duplicated(psu)
  first <- list(
    stratum = as.character(design$strata[units, 1]),
    unsampled = if (is.null(design$fpc$popsize)) rep(1, sum(units)) else
      1 - design$fpc$sampsize[units, 1] / design$fpc$popsize[units, 1]
  )
  factors <- switch(kind,
    bootstrap = rao_wu_factors(first$stratum, replicates),
    ACS = difference_factors(first$stratum, replicates),
    stop("replicates of kind '", kind, "' cannot be made")
  )
  factors <- 1 + sqrt(first$unsampled) * (factors - 1)
  count <- ncol(factors)
  scale <- switch(kind, ACS = 4 / count, bootstrap = if (mse) 1 / count else 1 / (count - 1))
  replicate_design(as.vector(weights(design)), factors, match(psu, psu[units]), scale,
    rep(1, count), mse, psu)
}

# Rao-Wu-Yue multipliers of PSUs: n/(n - 1) times the number of draws; 1 in a stratum of one PSU.
rao_wu_factors <- function(stratum, replicates) {
  factors <- matrix(1, length(stratum), replicates)
  for (units in split(seq_along(stratum), stratum)) {
    n <- length(units)
    if (n > 1) factors[units, ] <- n / (n - 1) * rmultinom(replicates, n - 1, rep(1, n))
  }
  factors
}

# Successive-difference multipliers: each PSU shares a row of a Hadamard matrix with the next one of
# its stratum, the last with the first.
difference_factors <- function(stratum, replicates) {
  signs <- 2 * hadamard(max(replicates, length(stratum) + 1) - 1) - 1
  # Rows balance; the constant one is left out.
  rows <- which(rowSums(signs) == 0)
  if (length(rows) < length(stratum)) stop("the Hadamard matrix has too few rows")
  factors <- matrix(1, length(stratum), ncol(signs))
  used <- 0
  for (units in split(seq_along(stratum), factor(stratum, unique(stratum)))) {
    n <- length(units)
    here <- rows[used + seq_len(n)]
    if (n > 1) {
      factors[units, ] <- 1 + 2^-1.5 * (signs[here, ] - signs[here[c(2:n, 1)], ])
    }
    used <- used + n
  }
  factors
}

# Deviation of every replicate from the centre that the variance takes; NA for a replicate without
# an estimate. Replicates x columns.
replicate_deviations <- function(replicates, value, design) {
  replicates <- matrix(replicates, ncol = length(value))
  known <- complete.cases(replicates)
  centre <- value
  if (!isTRUE(design$mse)) {
    centre <- colMeans(replicates[known & design$rscales > 0, , drop = FALSE])
  }
  replicates[!known, ] <- NA
  sweep(replicates, 2, centre)
}

# Totals of an item (NULL counts records) in the cells of crossed columns: with the full weights
# and in every replicate (replicates x cells).
replicate_totals <- function(design, of = NULL, by = list(), domain = NULL) {
  design <- restrict(design, observed(design, c(list(of, domain), by), domain))
  rows <- design_rows(design)
  cells <- factor(crossed_cells(by, rows), seq_len(prod(vapply(by, nlevels, 1L))))
  item <- if (is.null(of)) rep(1, length(rows)) else of[rows]
  found <- svytotal(outer(cells, levels(cells), "==") * item, design, return.replicates = TRUE)
  list(total = as.vector(coef(found)), replicates = as.vector(found$replicates))
}
