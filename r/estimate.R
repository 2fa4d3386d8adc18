# One table of estimates by R's `survey`: mean, total, share, ratio, rate, quantile, Gini coefficient
# or top share of an item in the cells of crossed columns, for a domain of a design (see design.R).
#
# Rows come out for every crossing of the levels of `by`, in the order of the levels (the first
# column slowest), and for every category of a share. A crossing without a case has n = 0, NaN.

# design:  from stratified_design() or replicate_design(), or a restriction of one
# of:      item: numeric (NA = missing); a factor for a share; NULL counts persons in a total
# over:    denominator of a ratio, or of a rate that is not a mean of 0 and 1
# by:      list of factors
# domain:  TRUE/FALSE, or NULL for all
# per:     what a rate or ratio is multiplied by, such as 100 or 1000
# top:     fraction of the population whose part of the total is a top share
# Columns hold one value per record of the full data, whatever the design is restricted to.
# `influence` gives sums of the linearised item by PSU, `covariance` what contrasts need.
estimate_table <- function(design, statistic, of = NULL, over = NULL, by = list(), domain = NULL,
                           level = 0.95, ci = NULL, quantiles = 0.5, influence = FALSE,
                           per = 1, top = 0.1, covariance = FALSE) {
  signed <- is.numeric(of) && any(of < 0, na.rm = TRUE)
  if (is.null(ci)) ci <- default_method(statistic, signed, over)
  kept <- observed(design, c(list(of, over, domain), by), domain)
  check_item(statistic, of[design_rows(design)[kept]], over)
  design <- restrict(design, kept)
  options <- list(level = level, quantiles = quantiles, top = top, per = per,
    influence = influence, covariance = covariance)
  rows <- design_rows(design)
  cells <- crossed_cells(by, rows)
  n_columns <- switch(statistic, share = max(nlevels(of), 1L), quantile = length(quantiles), 1L)
  items <- table_items(design, statistic, of, over, rows)
  result <- empty_table(prod(vapply(by, nlevels, 1L)), n_columns)
  counted <- sort(unique(cells[as.vector(weights(design, "sampling")) != 0]))
  if (length(counted) > 0) {
    items$cell <- factor(cells, levels = counted)
    design <- attach_items(design, filled_outside(items, design))
    found <- estimate_cells(design, statistic, length(by) > 0, options)
    result <- fill_table(result, counted, found, statistic)
  }
  finish_table(result, statistic, ci, options)
}

# Items that a rate, a Gini coefficient or a top share cannot be made of.
check_item <- function(statistic, of, over) {
  if (statistic == "rate" && is.null(over) && any(!of %in% c(0, 1))) {
    stop("a rate without a denominator needs an item of 0 and 1")
  }
  if (statistic %in% c("gini", "top_share") && any(of < 0)) {
    stop("a ", statistic, " needs an item that is never negative")
  }
}

# Records of the domain with every item observed: one with a missing item leaves the domain, not
# the design.
observed <- function(design, columns, domain) {
  rows <- design_rows(design)
  keep <- if (is.null(domain)) rep(TRUE, length(rows)) else domain[rows]
  for (column in columns) {
    if (!is.null(column)) keep <- keep & !is.na(column[rows])
  }
  keep
}

# Cell number of each row, 1-based, the last column fastest.
crossed_cells <- function(by, rows) {
  cell <- rep(0L, length(rows))
  for (column in by) {
    cell <- cell * nlevels(column) + as.integer(column)[rows] - 1L
  }
  cell + 1L
}

table_items <- function(design, statistic, of, over, rows) {
  item <- if (is.null(of)) rep(1, length(rows)) else of[rows]
  if (statistic == "share") {
    # A factor with one level has no contrasts: its share is the mean of ones.
    if (nlevels(of) < 2) item <- rep(1, length(rows))
  }
  items <- list(item = item, row = rows)
  if (!is.null(over)) items$over <- over[rows]
  # A replicate design has no clusters of its own; it carries the PSU as a column.
  items$psu <- design$variables$psu
  items
}

# A calibrated design keeps the records outside a domain, with a weight of zero: their residuals
# count. Their items do not, but a missing one would spread.
filled_outside <- function(items, design) {
  outside <- as.vector(weights(design, "sampling")) == 0
  for (name in c("item", "over")) {
    gone <- outside & is.na(items[[name]])
    if (any(gone)) items[[name]][gone] <- if (is.factor(items[[name]])) levels(items[[name]])[1] else 0
  }
  items
}

# Estimate every cell that has a case: survey's svyby over the cells, or one call without cells.
estimate_cells <- function(design, statistic, crossed, options) {
  notes <- new.env()
  notes$cells <- list()
  one_cell <- function(formula, design, ...) {
    found <- estimate_cell(formula, design, statistic, options)
    cell <- cell_bases(design, statistic, found, options)
    notes$cells[[length(notes$cells) + 1]] <- cell
    cell$estimate
  }
  if (!crossed) {
    one_cell(~item, design)
  } else {
    svyby(~item, ~cell, design, one_cell, keep.var = FALSE)
  }
  notes$cells
}

# The estimators themselves: plain calls of the survey package. With `scores` a linearised design
# gives the influence functions, a replicate design the estimate under each replicate.
estimate_cell <- function(formula, design, statistic, options) {
  scores <- isTRUE(options$influence) || isTRUE(options$covariance)
  replicated <- inherits(design, "svyrep.design")
  with_scores <- function(estimator, ...) {
    if (replicated) {
      estimator(formula, ..., design = design, return.replicates = scores)
    } else {
      estimator(formula, ..., design = design, influence = scores)
    }
  }
  is_ratio <- !is.null(design$variables$over)
  switch(statistic,
    mean = ,
    share = with_scores(svymean),
    total = with_scores(svytotal),
    rate = if (is_ratio) with_scores(svyratio, ~over) else with_scores(svymean),
    ratio = with_scores(svyratio, ~over),
    gini = inequality(design, gini_of),
    top_share = inequality(design, top_share_of, top = options$top),
    quantile = quantile_limits(formula, design, options$quantiles, options$level),
    stop("statistic '", statistic, "' is not known")
  )
}

# Quantiles with Woodruff limits: the distribution at F(q) -+ t SE(F(q)), as svyquantile's own. It
# is inverted here because svyquantile decides by the last digit whether a limit lies above 1 where
# the quantile is the largest value; then there is no interval (PARITY.md).
quantile_limits <- function(formula, design, quantiles, level) {
  value <- as.vector(
    svyquantile(formula, design, quantiles, ci = FALSE, qrule = inverse_distribution)[[1]]
  )
  weight <- as.vector(weights(design, "sampling"))
  t <- t_quantile(1 - (1 - level) / 2, degf(design))
  limit <- function(share) {
    outside <- is.na(share) || share < -1e-10 || share > 1 + 1e-10
    if (outside) NaN else inverse_distribution(design$variables$item, weight, share)
  }
  limits <- vapply(value, function(q) {
    design$variables$below <- as.numeric(design$variables$item <= q)
    reached <- svymean(~below, design)
    half <- t * as.vector(SE(reached))
    if (coef(reached) > 1 - 1e-10) half <- NaN
    c(limit(coef(reached) - half), limit(coef(reached) + half))
  }, numeric(2))
  list(value = value, low = limits[1, ], high = limits[2, ], se = (limits[2, ] - limits[1, ]) / 2 / t)
}

# The smallest value at which the weighted distribution reaches `p`. R's own rule "math" is the
# same but for one case: below the first step it returns the second smallest value (PARITY.md).
inverse_distribution <- function(x, w, p) {
  positive <- w > 0
  if (!any(positive)) {
    return(NaN)
  }
  order_of_x <- order(x[positive])
  x <- x[positive][order_of_x]
  reached <- cumsum(w[positive][order_of_x]) >= (p - 1e-10) * sum(w)
  if (any(reached)) x[which(reached)[1]] else x[length(x)]
}

# Amounts above a quantile of their weighted distribution in a design count as that quantile. The
# cut is taken as fixed: the variance of the mean is that of the cut amounts (methods 2.5).
winsorised <- function(of, design, at) {
  rows <- design_rows(design)
  known <- !is.na(of[rows])
  weight <- as.vector(weights(design, "sampling"))[known]
  cut <- inverse_distribution(of[rows][known], weight, at)
  if (is.nan(cut)) of else pmin(of, cut)
}

# What a cell stands on, and its estimate as plain vectors.
cell_bases <- function(design, statistic, found, options) {
  weight <- as.vector(weights(design, "sampling"))
  cases <- weight != 0
  item <- design$variables$item
  psu <- if (is.null(design$cluster)) design$variables$psu else design$cluster[, 1]
  cell <- list(
    n = sum(cases), df = degf(design), n_psu = length(unique(psu[cases])),
    cases = numerator_cases(statistic, item, cases),
    srs = srs_variance(statistic, item, weight, found, !is.null(design$variables$over))
  )
  if (statistic == "quantile") {
    return(c(cell, list(
      estimate = found$value, se = found$se, low = found$low, high = found$high
    )))
  }
  if (options$influence) cell$influence <- cell_influence(design, found, psu, cases)
  if (options$covariance) {
    scores <- attr(found, "influence")
    cell$rows <- design$variables$row
    cell$weighted <- cases
    cell$scores <- if (is.null(scores)) as.matrix(found$replicates) else as.matrix(scores)
  }
  c(cell, list(estimate = as.vector(coef(found)), se = as.vector(SE(found))))
}

# PSU sums of the linearised item, for every PSU with a case; where weights are calibrated for
# every PSU, `case` telling which have one. With replicate weights the deviation of each replicate.
cell_influence <- function(design, found, psu, cases) {
  scores <- attr(found, "influence")
  if (is.list(found) && !is.null(found$replicates)) {
    sums <- replicate_deviations(found$replicates, as.vector(coef(found)), design)
    rownames(sums) <- seq_len(nrow(sums))
    sums <- sums[complete.cases(sums), , drop = FALSE]
    return(list(sums = sums, case = rep(TRUE, nrow(sums))))
  }
  if (is.null(scores)) {
    return(NULL)
  }
  if (is.null(design$postStrata)) {
    sums <- rowsum(as.matrix(scores)[cases, , drop = FALSE], psu[cases])
    return(list(sums = sums, case = rep(TRUE, nrow(sums))))
  }
  sums <- rowsum(calibrated_scores(scores, design), psu)
  list(sums = sums, case = rownames(sums) %in% psu[cases])
}

numerator_cases <- function(statistic, item, cases) {
  if (is.factor(item)) {
    tabulate(item[cases], nlevels(item))
  } else if (statistic %in% c("mean", "quantile", "share", "gini", "top_share")) {
    sum(cases)
  } else {
    sum(cases & item != 0)
  }
}

# Variance under simple random sampling, for R's design effect (svymean(deff = TRUE)); written
# out because svyvar would estimate the variance of that variance too, for each pair of
# categories. NaN for a constant item and where the weights sum to less than the sample.
srs_variance <- function(statistic, item, weight, found, is_ratio) {
  n <- sum(weight != 0)
  population <- sum(weight)
  if (!statistic %in% c("mean", "share", "total", "rate") || is_ratio || n < 2 || population < n) {
    return(NaN)
  }
  if (statistic == "share") {
    p <- as.vector(coef(found))
    spread <- ifelse(at_bound(p), NaN, p * (1 - p)) * n / (n - 1)
  } else {
    average <- sum(weight * item) / population
    square <- sum(weight * (item - average)^2) / population
    whole <- sum(weight * item^2) / population
    spread <- if (square > 1e-24 * whole) square * n / (n - 1) else NaN
  }
  variance <- spread * (population - n) / (population * n)
  if (statistic == "total") variance * population^2 else variance
}

empty_table <- function(n_cells, n_columns) {
  blank <- matrix(NaN, n_columns, n_cells)
  none <- rep(0L, n_cells)
  list(
    estimate = blank, se = blank, srs = blank, low = blank, high = blank,
    cases = matrix(0, n_columns, n_cells), n = none, df = none, n_psu = none, influence = list(),
    scores = list()
  )
}

fill_table <- function(result, counted, found, statistic) {
  for (position in seq_along(counted)) {
    cell <- counted[position]
    from <- found[[position]]
    for (name in c("n", "df", "n_psu")) result[[name]][cell] <- from[[name]]
    result$estimate[, cell] <- from$estimate
    result$se[, cell] <- from$se
    result$srs[, cell] <- from$srs
    result$cases[, cell] <- from$cases
    if (statistic == "quantile") {
      result$low[, cell] <- from$low
      result$high[, cell] <- from$high
    }
    if (!is.null(from$influence)) {
      result$influence[[length(result$influence) + 1]] <- c(list(cell = cell), from$influence)
    }
    if (!is.null(from$scores)) {
      result$scores[[length(result$scores) + 1]] <- c(
        list(cell = cell), from[c("rows", "weighted", "scores")]
      )
    }
  }
  result
}

# Flat vectors, cell after cell; the influence as (row, psu, value, case).
finish_table <- function(result, statistic, ci, options) {
  n_columns <- nrow(result$estimate)
  wide <- function(values) rep(values, each = n_columns)
  rows <- list(
    estimate = as.vector(result$estimate), se = as.vector(result$se), df = wide(result$df),
    n = wide(result$n), n_psu = wide(result$n_psu), cases = as.vector(result$cases)
  )
  # Where only the order of summation is left in a standard error, it is zero.
  rounding <- !is.na(rows$se) & rows$se <= 1e-12 * abs(rows$estimate)
  rows$se[rounding] <- 0
  # What is no number (a ratio over nothing) has no error either, in a full count too.
  rows$se[!is.finite(rows$estimate)] <- NaN
  rows$deff <- rows$se^2 / as.vector(result$srs)
  rows$cv <- ifelse(rows$estimate == 0, NaN, rows$se / abs(rows$estimate))
  limits <- if (statistic == "quantile") {
    list(low = as.vector(result$low), high = as.vector(result$high))
  } else {
    confidence_limits(ci, rows$estimate, rows$se, rows$df, rows$n, options$level)
  }
  rows$ci_low <- limits$low
  rows$ci_high <- limits$high
  # `per` changes the unit of a rate or ratio after its interval: a share's stays inside 0 and 1.
  scaled <- c("estimate", "se", "ci_low", "ci_high")
  rows[scaled] <- lapply(rows[scaled], `*`, options$per)
  rows$influence <- influence_triplets(result$influence, n_columns, options$per)
  if (options$covariance) {
    rows$spread <- list(
      cells = result$scores, width = n_columns, estimate = as.vector(result$estimate),
      se = as.vector(result$se), per = options$per
    )
  }
  rows
}

influence_triplets <- function(parts, n_columns, per) {
  if (length(parts) == 0) {
    return(NULL)
  }
  pieces <- lapply(parts, function(part) {
    psu <- as.integer(rownames(part$sums))
    row <- rep((part$cell - 1L) * n_columns + seq_len(n_columns), each = length(psu))
    list(
      row = row, psu = rep(psu, n_columns), value = as.vector(part$sums) * per,
      case = as.integer(rep(part$case, n_columns))
    )
  })
  collect <- function(name) unlist(lapply(pieces, `[[`, name))
  list(
    row = collect("row"), psu = collect("psu"), value = collect("value"), case = collect("case")
  )
}
