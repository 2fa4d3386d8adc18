# Tests of two-way tables, of means and of any set of cells, by R's `survey` where it has them.

# Association of two factors: svychisq with statistic F or Chisq (Rao and Scott's second and first
# order), Wald or adjWald. Returns the statistic, its degrees of freedom and p.
#
# A calibrated design keeps the records outside a domain, with a weight of zero, and svychisq counts
# them in n and in the degrees of freedom; here those of the domain are put in their place.
table_test <- function(design, keep, row, column, statistic) {
  design <- restrict(design, keep[design_rows(design)])
  rows <- design_rows(design)
  items <- like_inside(list(row = row[rows], column = column[rows]), design)
  design <- attach_items(design, lapply(items, factor))
  found <- svychisq(~ row + column, design, statistic = sub("adj", "", statistic))
  value <- as.vector(found$statistic)
  df <- as.vector(found$parameter)
  nu <- degf(design)
  q <- df[1]
  if (statistic == "Chisq") {
    counted <- as.vector(weights(design, "sampling")) != 0
    value <- value * mean(counted)
    return(list(value = value, df_num = q, df_den = NaN, p = as.vector(found$p.value)))
  }
  if (statistic == "adjWald") value <- value * (nu - q + 1) / nu
  df_den <- switch(statistic, F = q * nu, Wald = nu, adjWald = nu - q + 1)
  list(value = value, df_num = q, df_den = df_den, p = pf(value, q, df_den, lower.tail = FALSE))
}

# t test of a mean (group NULL), or of the difference of the second group's mean from the first's.
mean_test <- function(design, keep, item, group = NULL, null = 0) {
  design <- restrict(design, keep[design_rows(design)])
  rows <- design_rows(design)
  items <- list(item = item[rows] - null)
  if (!is.null(group)) items$group <- group[rows]
  items <- like_inside(items, design)
  if (!is.null(group)) items$group <- factor(items$group)
  design <- attach_items(design, items)
  found <- if (is.null(group)) svyttest(item ~ 0, design) else svyttest(item ~ group, design)
  estimate <- as.vector(found$estimate)
  se <- estimate / as.vector(found$statistic)
  if (is.null(group)) {
    # Of a mean that equals `null` t is zero and says nothing of the error.
    if (estimate == 0) se <- as.vector(SE(svymean(~item, design)))
    estimate <- estimate + null
    # Where only the order of summation is left in a standard error, it is zero.
    if (is.na(se) || se <= 1e-12 * abs(estimate)) se <- 0
  }
  list(estimate = estimate, se = se, df = as.vector(found$parameter))
}

# Limits, Student's t and two-sided p of estimates. An estimate without an error has no t; without a
# degree of freedom there is no interval and no p.
tested <- function(estimate, se, df, level = 0.95) {
  half <- t_quantile(1 - (1 - level) / 2, df) * se
  statistic <- ifelse(!is.na(se) & se > 0, estimate / se, NaN)
  p <- ifelse(df > 0, 2 * pt(-abs(statistic), pmax(df, 1)), NaN)
  list(ci_low = estimate - half, ci_high = estimate + half, statistic_value = statistic, p = p)
}

# Wald test that `hypothesis %*% estimate` is zero, with the F adjusted for the degrees of freedom
# of the design (survey's regTermTest leaves it unadjusted).
wald_test <- function(estimate, covariance, df, hypothesis) {
  covariance <- matrix(covariance, length(estimate))
  hypothesis <- matrix(hypothesis, ncol = length(estimate), byrow = TRUE)
  value <- hypothesis %*% estimate
  within <- hypothesis %*% covariance %*% t(hypothesis)
  q <- nrow(hypothesis)
  chisq <- if (invertible(within)) as.vector(t(value) %*% solve(within, value)) else NaN
  statistic <- if (df - q + 1 > 0) (df - q + 1) / (df * q) * chisq else NaN
  p <- if (is.nan(statistic)) NaN else pf(statistic, q, df - q + 1, lower.tail = FALSE)
  c(chisq = chisq, statistic = statistic, p = p)
}

invertible <- function(covariance) {
  scale <- sqrt(diag(covariance))
  if (any(!is.finite(covariance)) || any(!(scale > 0))) {
    return(FALSE)
  }
  roots <- eigen(covariance / outer(scale, scale), symmetric = TRUE, only.values = TRUE)$values
  min(roots) > 1e-12 * max(roots)
}
