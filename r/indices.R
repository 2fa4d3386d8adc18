# Indices of internal migration between zones, with the full weights and in every replicate.
#
# A replicate multiplies the weights of a PSU (Rao, Wu and Yue's bootstrap; the multipliers are
# given). Movers are summed to origin x destination x PSU once; each index is a function of a matrix
# with origins as rows, the diagonal zero. What is not defined is NaN.

# One table: a row per index, with the bootstrap's standard errors, as estimate_table gives them.
#
# people, people_psu:  weights and PSUs (numbered as the rows of `factors`) of the population
# weight, psu, from, to:  those of the movers between zones, with their zones from 1
# stratum:  stratum of each PSU;  factors:  multipliers, PSUs x replicates
# scale:    what the sum of squared deviations is multiplied by
# wanted:   list of list(of, corrected, rarefied (NA: no), highest)
index_table <- function(people, people_psu, weight, psu, from, to, zones, stratum, factors, scale,
                        wanted, level = 0.95) {
  factors <- cbind(1, factors)
  cell <- from + (to - 1) * zones
  flows <- psu_sums(weight, psu, cell, zones^2, nrow(factors)) %*% factors
  counts <- psu_sums(rep(1, length(weight)), psu, cell, zones^2, nrow(factors)) %*% factors
  population <- psu_sums(people, people_psu, rep(1, length(people)), 1, nrow(factors)) %*% factors
  units <- unique(people_psu)
  df <- length(units) - length(unique(stratum[units]))
  rows <- lapply(wanted, function(index) {
    values <- index_values(index, flows, counts, population, zones, scale)
    # Where the flows are the expected ones, only rounding is left.
    values[which(abs(values) <= 1e-12)] <- 0
    c(
      index_row(values[1], values[-1], index, scale, df, level),
      list(n = length(people), n_psu = length(units), df = df, deff = NaN, cases = length(weight))
    )
  })
  names <- setdiff(names(rows[[1]]), "deviations")
  columns <- lapply(names, function(name) as.numeric(vapply(rows, `[[`, 0, name)))
  c(setNames(columns, names), list(deviations = unlist(lapply(rows, `[[`, "deviations"))))
}

# Values of one index: with the full weights, then in every replicate.
index_values <- function(index, flows, counts, population, zones, scale) {
  if (index$of == "mei_floor") {
    return(c(mei_floor(flows, zones, scale), rep(NaN, ncol(flows) - 1)))
  }
  vapply(seq_len(ncol(flows)), function(r) {
    if (is.na(index$rarefied)) {
      flow_index(index$of, matrix(flows[, r], zones), population[r])
    } else {
      rarefied_connectivity(matrix(counts[, r], zones), index$rarefied)
    }
  }, 0)
}

# Estimate, error and limits from the replicates. An index cannot leave its range; one whose bias
# is taken out may, or its changes would be biased again, and the bias is no part of its error.
index_row <- function(value, star, index, scale, df, level) {
  within <- function(x) if (index$corrected) x else pmin(pmax(x, 0), index$highest)
  known <- !is.na(star)
  middle <- mean(star[known])
  deviations <- ifelse(known, star - (if (index$corrected) middle else value), 0)
  deviations[which(abs(deviations) <= 1e-12 * abs(value))] <- 0
  se <- if (any(known)) sqrt(scale * sum(deviations^2)) else NaN
  estimate <- if (index$corrected) 2 * value - middle else value
  half <- if (df > 0) qt((1 + level) / 2, df) * se else NaN
  list(
    estimate = estimate, se = se, cv = if (isTRUE(estimate == 0)) NaN else se / abs(estimate),
    ci_low = within(estimate - half), ci_high = within(estimate + half), deviations = deviations
  )
}

# Sums by cell and PSU: cells x PSUs.
psu_sums <- function(value, psu, cell, cells, psus) {
  sums <- matrix(0, cells, psus)
  if (length(value) > 0) {
    found <- rowsum(value, (psu - 1) * cells + cell)
    sums[as.numeric(rownames(found))] <- found
  }
  sums
}

flow_index <- function(of, m, population) {
  total <- sum(m)
  n <- nrow(m)
  intensity <- if (population > 0) 100 * total / population else NaN
  if (!total > 0) {
    return(if (of %in% c("cmi", "courgeau_k", "anmr")) intensity else NaN)
  }
  out <- rowSums(m)
  into <- colSums(m)
  cells <- m[row(m) != col(m)]
  switch(of,
    cmi = intensity,
    courgeau_k = intensity / log(n^2),
    mei = 100 * sum(abs(into - out)) / sum(into + out),
    anmr = if (population > 0) 50 * sum(abs(into - out)) / population else NaN,
    connectivity = sum(cells > 0) / (n * (n - 1)),
    inequality = 0.5 * sum(abs(cells / total - 1 / (n * (n - 1)))),
    inequality_independence = 0.5 * sum(abs(m / total - quasi_independence(m) / total)),
    gini_total = pair_differences(cells) / (2 * (n * (n - 1) - 1) * total),
    gini_weighted = (field_gini(m) + field_gini(t(m))) / 2,
    cv = deviation(cells) / mean(cells),
    acv = field_cv(m) + field_cv(t(m)),
    stop("index '", of, "' is not known")
  )
}

# Poisson fit of the margins off the diagonal, by proportional fitting: rows, then columns, until no
# row misses its margin by more than 1e-14 of all movers.
quasi_independence <- function(m) {
  rows <- rowSums(m)
  columns <- colSums(m)
  fitted <- 1 - diag(nrow(m))
  ratio <- function(wanted, there) ifelse(there > 0, wanted / there, 0)
  for (round in seq_len(2000)) {
    fitted <- fitted * ratio(rows, rowSums(fitted))
    fitted <- t(t(fitted) * ratio(columns, colSums(fitted)))
    if (max(abs(rowSums(fitted) - rows)) <= 1e-14 * sum(rows)) break
  }
  fitted
}

# Sum of |x - y| over all ordered pairs.
pair_differences <- function(x) {
  x <- sort(x)
  2 * sum(x * (2 * seq_along(x) - length(x) - 1))
}

# Gini of each origin's stream sizes, weighted with its share of movers; needs three zones.
field_gini <- function(m) {
  n <- nrow(m)
  if (n < 3) {
    return(NaN)
  }
  sum(vapply(seq_len(n), function(i) pair_differences(m[i, -i]), 0)) / (2 * (n - 2) * sum(m))
}

# Standard deviation with the number of values as divisor.
deviation <- function(x) sqrt(mean((x - mean(x))^2))

# CV of each origin's streams, weighted with its share of movers.
field_cv <- function(m) {
  n <- nrow(m)
  (n - 1) * sum(vapply(seq_len(n), function(i) deviation(m[i, -i]), 0)) / sum(m)
}

# Connectivity that `size` movers drawn from the sampled ones would show (Hurlbert 1971).
rarefied_connectivity <- function(counts, size) {
  n <- nrow(counts)
  cells <- counts[row(counts) != col(counts)]
  total <- sum(cells)
  if (total < size || n < 2) {
    return(NaN)
  }
  rest <- total - cells
  left <- rest - size > -1 + 1e-9
  log_choose <- function(of) lgamma(of + 1) - lgamma(of - size + 1)
  missed <- numeric(length(cells))
  missed[left] <- exp(log_choose(rest[left]) - log_choose(total))
  sum(ifelse(cells > 0, 1 - missed, 0)) / (n * (n - 1))
}

# MEI that sampling noise alone would give if every net were zero.
mei_floor <- function(flows, zones, scale) {
  nets <- apply(flows, 2, function(values) {
    m <- matrix(values, zones)
    colSums(m) - rowSums(m)
  })
  errors <- sqrt(scale * rowSums((nets[, -1, drop = FALSE] - nets[, 1])^2))
  turnover <- 2 * sum(flows[, 1])
  if (turnover > 0) 100 * sqrt(2 / pi) * sum(errors) / turnover else NaN
}

# ---- tables of the plan, for replicate.R -----------------------------------------------------

# Multipliers of the PSUs, from the file that `lfsmig run` writes beside the year's records: a step
# times whole numbers.
read_multipliers <- function(path) {
  frame <- read.csv(gzfile(path), check.names = FALSE, encoding = "UTF-8",
    colClasses = c(stratum = "character", psu = "character"))
  first <- c("stratum", "psu", "scale", "step")
  if (!identical(names(frame)[1:4], first)) {
    stop(basename(path), " must begin with the columns ", toString(first))
  }
  list(
    stratum = frame$stratum, key = paste(frame$stratum, frame$psu, sep = "\r"),
    scale = frame$scale[1], factors = as.matrix(frame[, -(1:4)]) * frame$step
  )
}

# All indices of one population and level; `tables` are the plan's entries for them.
index_tables_of_plan <- function(tables, weight, stratum, psu, now, before, moved, keep, multipliers) {
  unit <- match(paste(stratum, psu, sep = "\r"), multipliers$key)
  if (anyNA(unit)) stop("the file of replicates has no PSU ", psu[is.na(unit)][1])
  places <- levels(now)
  now <- as.integer(now)
  before <- match(before, places)
  people <- which(keep & !is.na(now) & weight > 0)
  mover <- people[moved[people] & !is.na(before[people]) & before[people] != now[people]]
  wanted <- lapply(tables, function(table) {
    list(
      of = table$of, corrected = isTRUE(table$corrected),
      rarefied = as.numeric(c(table$rarefied, NA)[1]), highest = as.numeric(c(table$highest, Inf)[1])
    )
  })
  found <- index_table(
    weight[people], unit[people], weight[mover], unit[mover], before[mover], now[mover],
    length(places), multipliers$stratum, multipliers$factors, multipliers$scale, wanted
  )
  data.frame(found[names(found) != "deviations"])
}
