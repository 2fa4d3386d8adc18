# Confidence intervals from an estimate, its standard error and its degrees of freedom.
#
# `svyciprop` gives the same limits but estimates again for each cell (about 0.3 s each), so the
# formulas are written out here. Without a degree of freedom there is no interval.

at_bound <- function(p) !is.na(p) & (p < 1e-12 | p > 1 - 1e-12)

t_quantile <- function(probability, df) {
  value <- rep(NaN, length(df))
  value[df > 0] <- qt(probability, df[df > 0])
  value
}

default_method <- function(statistic, signed) {
  if (statistic == "share") {
    "logit"
  } else if (statistic == "total" && !signed) {
    "log"
  } else {
    "wald"
  }
}

confidence_limits <- function(method, estimate, se, df, n, level = 0.95) {
  t <- t_quantile(1 - (1 - level) / 2, df)
  suppressWarnings(switch(method,
    wald = list(low = estimate - t * se, high = estimate + t * se),
    log = log_limits(estimate, se, t),
    logit = logit_limits(estimate, se, df, n, level),
    wilson = wilson_limits(estimate, se, t),
    beta = korn_graubard(estimate, se, df, n, level),
    stop("interval '", method, "' is not known")
  ))
}

log_limits <- function(estimate, se, t) {
  spread <- exp(t * se / estimate)
  positive <- !is.na(estimate) & estimate > 0
  list(
    low = ifelse(positive, estimate / spread, NaN),
    high = ifelse(positive, estimate * spread, NaN)
  )
}

# As svyciprop(method = "xlogit"); at 0 and 1, where that has no value, Korn-Graubard.
logit_limits <- function(p, se, df, n, level) {
  half <- t_quantile(1 - (1 - level) / 2, df) * se / (p * (1 - p))
  exact <- korn_graubard(p, se, df, n, level)
  list(
    low = ifelse(at_bound(p), exact$low, plogis(qlogis(p) - half)),
    high = ifelse(at_bound(p), exact$high, plogis(qlogis(p) + half))
  )
}

# As svyciprop(method = "beta"); at 0 and 1 the effective size is the sample size.
korn_graubard <- function(p, se, df, n, level = 0.95) {
  alpha <- 1 - level
  correction <- (t_quantile(1 - alpha / 2, n - 1) / t_quantile(1 - alpha / 2, df))^2
  size <- p * (1 - p) / se^2 * correction
  size <- ifelse(at_bound(p), ifelse(df > 0, n, NaN), size)
  cases <- size * pmin(pmax(p, 0), 1)
  low <- qbeta(alpha / 2, cases, size - cases + 1)
  high <- qbeta(1 - alpha / 2, cases + 1, size - cases)
  known <- !is.na(size) & !is.na(p)
  list(
    low = ifelse(!known, NaN, ifelse(p < 1e-12, 0, low)),
    high = ifelse(!known, NaN, ifelse(p > 1 - 1e-12, 1, high))
  )
}

wilson_limits <- function(p, se, t) {
  size <- p * (1 - p) / se^2
  middle <- p + t^2 / (2 * size)
  half <- t * sqrt(p * (1 - p) / size + t^2 / (4 * size^2))
  list(low = (middle - half) / (1 + t^2 / size), high = (middle + half) / (1 + t^2 / size))
}
