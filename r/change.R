# Change between years and linear trend, with the covariance that shared PSUs bring.
#
# A series is a list with one element per year, in order:
#   year, link      years with the same link (not NA) have comparable PSU codes
#   estimate, se, df                one value per row of the table (NaN where there is none)
#   influence       list(row, psu, value, case): PSU sums of the linearised item, `psu` counting
#                   the rows of `psus`. `case` tells whether the row has a case in the PSU; without
#                   it every entry has one. Or NULL.
#   psus            list(stratum, psu, scale, centred): every PSU of the year
# estimate_table(influence = TRUE) gives the influence.

rows_at_once <- 200

# Apply a function to a series a block of rows at a time: the matrices of PSUs x rows stay small.
# `logged`: on the logarithms of the estimates.
in_blocks <- function(series, logged, f, ...) {
  n_rows <- length(series[[1]]$estimate)
  block <- factor((seq_len(n_rows) - 1) %/% rows_at_once)
  entries <- lapply(series, function(year) {
    split(seq_along(year$influence$row), block[year$influence$row])
  })
  parts <- lapply(levels(block), function(name) {
    rows <- which(block == name)
    part <- lapply(seq_along(series), function(i) {
      year_rows(series[[i]], rows, entries[[i]][[name]], logged)
    })
    f(part, ...)
  })
  columns <- names(parts[[1]])
  joined <- lapply(columns, function(name) {
    bound <- lapply(parts, `[[`, name)
    if (is.matrix(bound[[1]])) do.call(rbind, bound) else unlist(bound)
  })
  setNames(joined, columns)
}

# Some rows of a year, with the scores of its PSUs and where they have cases (PSUs x rows).
year_rows <- function(year, rows, entries, logged) {
  part <- list(
    year = year$year, link = year$link, estimate = year$estimate[rows], se = year$se[rows],
    df = year$df[rows]
  )
  if (!is.null(year$influence)) {
    at <- cbind(year$influence$psu[entries], match(year$influence$row[entries], rows))
    sums <- matrix(0, length(year$psus$psu), length(rows))
    sums[at] <- year$influence$value[entries]
    part$present <- matrix(FALSE, nrow(sums), ncol(sums))
    part$present[at] <- if (is.null(year$influence$case)) TRUE else year$influence$case[entries]
    part$stratum <- as.character(year$psus$stratum)
    part$psu <- paste(year$psus$stratum, year$psus$psu, sep = "\r")
    part$scores <- psu_scores(sums, year$psus)
  }
  if (logged) on_log_scale(part) else part
}

# An estimate that is not positive has no logarithm and counts as missing.
on_log_scale <- function(part) {
  value <- ifelse(!is.na(part$estimate) & part$estimate > 0, part$estimate, NaN)
  part$estimate <- log(value)
  part$se <- part$se / value
  if (!is.null(part$scores)) {
    part$scores <- sweep(part$scores, 2, ifelse(is.nan(value), Inf, value), "/")
  }
  part
}

# Deviations from the stratum's mean over all PSUs of the year, scaled so that their squares add
# up to the variance.
psu_scores <- function(sums, psus) {
  stratum <- factor(psus$stratum)
  means <- rowsum(sums, stratum) / as.vector(table(stratum))
  centred <- sums - means[as.integer(stratum), , drop = FALSE] * psus$centred
  centred * sqrt(psus$scale)
}

linked <- function(s, t) {
  !is.null(s$scores) && !is.null(t$scores) && !is.na(s$link) && !is.na(t$link) &&
    s$link == t$link
}

# Covariance of the estimates of two years: the sum over shared PSUs.
overlap_covariance <- function(s, t) {
  if (!linked(s, t)) {
    return(rep(0, length(s$estimate)))
  }
  there <- match(s$psu, t$psu)
  shared <- which(!is.na(there))
  colSums(s$scores[shared, , drop = FALSE] * t$scores[there[shared], , drop = FALSE])
}

# Degrees of freedom: the smaller of the years' sum, and PSUs less strata of all years together.
shared_df <- function(series) {
  alone <- vapply(series, function(year) is.null(year$scores) || is.na(year$link), TRUE)
  links <- ifelse(alone, paste("alone", seq_along(series)), vapply(series, function(year) {
    paste("link", year$link)
  }, ""))
  parts <- lapply(split(series, links), function(group) {
    if (is.null(group[[1]]$scores) || is.na(group[[1]]$link)) group[[1]]$df else union_df(group)
  })
  pmin(summed_df(series), Reduce(`+`, parts))
}

summed_df <- function(series) Reduce(`+`, lapply(series, `[[`, "df"))

union_df <- function(group) {
  psu <- unlist(lapply(group, `[[`, "psu"))
  stratum <- unlist(lapply(group, `[[`, "stratum"))[!duplicated(psu)]
  psu <- unique(psu)
  present <- matrix(FALSE, length(psu), length(group[[1]]$estimate))
  for (year in group) {
    at <- match(year$psu, psu)
    present[at, ] <- present[at, , drop = FALSE] | year$present
  }
  n_psu <- colSums(present)
  n_strata <- colSums(rowsum(present + 0, stratum) > 0)
  # A row without PSU sums (a quantile) shares nothing that could be counted.
  ifelse(n_psu > 0, n_psu - n_strata, summed_df(group))
}

# Change between the years of each pair (positions, from and to in turn; each year and the next one
# if none are named): matrices with a row per table row, a column per pair.
series_change <- function(series, pairs = NULL, logged = FALSE) {
  if (is.null(pairs)) pairs <- rbind(seq_len(length(series) - 1), seq_len(length(series) - 1) + 1)
  in_blocks(series, logged, change_of_rows, matrix(pairs, ncol = 2, byrow = TRUE))
}

change_of_rows <- function(series, places) {
  pairs <- lapply(seq_len(nrow(places)), function(i) series[places[i, ]])
  per_pair <- function(f) {
    matrix(vapply(pairs, f, numeric(length(series[[1]]$estimate))), ncol = length(pairs))
  }
  list(
    estimate = per_pair(function(p) difference(p[[1]]$estimate, p[[2]]$estimate)),
    se = per_pair(function(p) {
      difference_se(p[[1]]$se, p[[2]]$se, overlap_covariance(p[[1]], p[[2]]))
    }),
    df = per_pair(shared_df)
  )
}

# Where nothing changed only rounding is left; it is zero (and the variance not negative).
difference <- function(before, after) {
  change <- after - before
  change[which(abs(change) <= 1e-12 * pmax(abs(before), abs(after)))] <- 0
  change
}

difference_se <- function(before, after, covariance) {
  variance <- before^2 + after^2 - 2 * covariance
  variance[which(variance <= 1e-12 * (before^2 + after^2))] <- 0
  sqrt(variance)
}

# Covariance matrix of all years for every row: rows x years x years.
series_covariance <- function(series) {
  n_years <- length(series)
  v <- array(0, c(length(series[[1]]$estimate), n_years, n_years))
  for (s in seq_len(n_years)) {
    v[, s, s] <- series[[s]]$se^2
    for (t in seq_len(s - 1)) {
      v[, s, t] <- v[, t, s] <- overlap_covariance(series[[s]], series[[t]])
    }
  }
  v
}

# Plain mean of the years' estimates, each year with the same weight.
series_average <- function(series, logged = FALSE) in_blocks(series, logged, average_of_rows)

average_of_rows <- function(series) {
  estimate <- yearly(series, "estimate")
  covariance <- series_covariance(series)
  variance <- apply(covariance, 1, sum) / length(series)^2
  list(
    estimate = rowMeans(estimate), se = sqrt(pmax(variance, 0)),
    df = shared_df(series)
  )
}

# Contrasts over years: `weights` holds one coefficient per year, contrast after contrast. Matrices
# with a row per table row, a column per contrast; NaN where a year that is needed is missing.
series_contrasts <- function(series, weights, logged = FALSE) {
  in_blocks(series, logged, contrasts_of_rows, matrix(weights, ncol = length(series), byrow = TRUE))
}

contrasts_of_rows <- function(series, weights) {
  estimate <- yearly(series, "estimate")
  covariance <- series_covariance(series)
  per_contrast <- function(f) {
    matrix(vapply(seq_len(nrow(weights)), f, numeric(nrow(estimate))), ncol = nrow(weights))
  }
  list(
    estimate = per_contrast(function(i) {
      used <- which(weights[i, ] != 0)
      parts <- sweep(estimate[, used, drop = FALSE], 2, weights[i, used], "*")
      value <- rowSums(parts)
      value[which(abs(value) <= 1e-12 * apply(abs(parts), 1, max))] <- 0
      value
    }),
    se = per_contrast(function(i) contrast_se(covariance, weights[i, ])),
    df = per_contrast(function(i) shared_df(series[weights[i, ] != 0]))
  )
}

contrast_se <- function(covariance, weights) {
  used <- which(weights != 0)
  c <- weights[used]
  apply(covariance[, used, used, drop = FALSE], 1, function(v) {
    v <- matrix(v, length(used))
    variance <- sum(outer(c, c) * v)
    if (!is.na(variance) && variance <= 1e-12 * sum(c^2 * diag(v))) 0 else sqrt(variance)
  })
}

# Wald test that all years of a row are equal, over the years with an estimate (wald_test is in
# tests.R).
series_equality <- function(series, logged = FALSE) in_blocks(series, logged, equality_of_rows)

equality_of_rows <- function(series) {
  estimate <- yearly(series, "estimate")
  covariance <- series_covariance(series)
  n_rows <- nrow(estimate)
  result <- list(
    chisq = rep(NaN, n_rows), statistic = rep(NaN, n_rows), p = rep(NaN, n_rows),
    count = rep(0, n_rows), df = rep(0, n_rows)
  )
  for (group in known_years(series, estimate)) {
    used <- group$years
    if (length(used) < 2) next
    steps <- diff(diag(length(used)))
    result$df[group$rows] <- shared_df(series[used])[group$rows]
    result$count[group$rows] <- length(used) - 1
    for (row in group$rows) {
      found <- wald_test(
        estimate[row, used], covariance[row, used, used], result$df[row], t(steps)
      )
      for (name in names(found)) result[[name]][row] <- found[[name]]
    }
  }
  result
}

yearly <- function(series, name) {
  values <- vapply(series, `[[`, numeric(length(series[[1]]$estimate)), name)
  matrix(values, ncol = length(series))
}

# Rows that have their estimates in the same years, with these years.
known_years <- function(series, estimate) {
  known <- !is.na(estimate) & !is.na(yearly(series, "se"))
  patterns <- apply(known, 1, function(k) paste(which(k), collapse = " "))
  lapply(unique(patterns), function(pattern) {
    years <- as.integer(strsplit(pattern, " ")[[1]])
    list(years = years, rows = which(patterns == pattern))
  })
}

# Slope per year by generalised least squares over the years with an estimate.
series_trend <- function(series, logged = FALSE) in_blocks(series, logged, trend_of_rows)

trend_of_rows <- function(series) {
  years <- vapply(series, `[[`, numeric(1), "year")
  estimate <- yearly(series, "estimate")
  covariance <- series_covariance(series)
  n_rows <- nrow(estimate)
  result <- list(
    slope = rep(NaN, n_rows), se = rep(NaN, n_rows), df = rep(0, n_rows),
    lack_of_fit_p = rep(NaN, n_rows)
  )
  for (group in known_years(series, estimate)) {
    used <- group$years
    if (length(used) < 3) next
    result$df[group$rows] <- shared_df(series[used])[group$rows]
    for (row in group$rows) {
      line <- gls_line(years[used], estimate[row, used], covariance[row, used, used])
      for (name in names(line)) result[[name]][row] <- line[[name]]
    }
  }
  result
}

gls_line <- function(years, estimate, covariance) {
  roots <- eigen(covariance, symmetric = TRUE, only.values = TRUE)$values
  if (min(roots) <= 1e-12 * abs(max(roots))) {
    return(list(slope = NaN, se = NaN, lack_of_fit_p = NaN))
  }
  x <- cbind(1, years - years[1])
  inverse <- solve(covariance)
  normal <- solve(t(x) %*% inverse %*% x)
  beta <- normal %*% t(x) %*% inverse %*% estimate
  residual <- estimate - x %*% beta
  misfit <- as.vector(t(residual) %*% inverse %*% residual)
  list(
    slope = beta[2], se = sqrt(normal[2, 2]),
    lack_of_fit_p = pchisq(max(misfit, 0), length(years) - 2, lower.tail = FALSE)
  )
}

# Limits, t and p of changes, contrasts, averages or slopes (`tested` is in tests.R). Beside figures
# of the size `size` a tiny error is rounding. `logged`: they are differences of logarithms, tested
# as such and given back in per cent, the SE by the delta method.
series_tested <- function(estimate, se, df, size, level, logged = FALSE) {
  se[which(se < 1e-12 * size)] <- 0
  found <- c(list(estimate = estimate, se = se, df = df), tested(estimate, se, df, level))
  if (logged) {
    found$se <- 100 * exp(estimate) * se
    on_the_scale <- c("estimate", "ci_low", "ci_high")
    found[on_the_scale] <- lapply(found[on_the_scale], function(values) 100 * expm1(values))
  }
  found
}

# p-values adjusted for the number of tests of their family: by Benjamini and Hochberg where it is a
# screen of several categories or areas, else by Holm (methods.md 4.10). A missing p is no test.
adjusted_within <- function(p, family, screen) {
  out <- p
  for (rows in split(seq_along(p), family)) {
    out[rows] <- p.adjust(p[rows], if (screen[rows[1]]) "BH" else "holm")
  }
  out
}
