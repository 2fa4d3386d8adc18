# Confidence intervals from an estimate, its standard error and its degrees of freedom.
#
# ====================  ===========  ==============================================================
# method                for          limits
# ====================  ===========  ==============================================================
# ``logit``             proportions  expit(logit(p) -+ t se / (p (1 - p))); R's ``xlogit``
# ``beta``              proportions  Korn-Graubard as R's ``beta``: n* = n_eff (t_n / t)^2
# ``beta_nchs``         proportions  Korn-Graubard as NCHS: the same n*, but at most n
# ``beta_nhis``         proportions  Korn-Graubard as NHIS: n* = n_eff without (t_n / t)^2, at most n
# ``beta_plain``        proportions  Korn-Graubard with n* = n_eff: neither adjusted nor capped
# ``wilson``            proportions  Wilson's score interval with n_eff and t
# ``log``               positive     estimate exp(-+ t se / estimate)
# ``wald``              all          estimate -+ t se
# ====================  ===========  ==============================================================
#
# t is Student's quantile with the cell's df, t_n with n - 1; n_eff = p (1 - p) / se^2, and n where
# p is 0 or 1. The Korn-Graubard limits are the quantiles of Beta(x, n* - x + 1) and
# Beta(x + 1, n* - x) with x = n* p. Sources: see py/lfsmig/survey/intervals.py.
#
# `svyciprop` gives the same limits but estimates again for each cell (about 0.3 s each), so the
# formulas are written out here. Without a degree of freedom there is no interval.

at_bound <- function(p) !is.na(p) & (p < 1e-12 | p > 1 - 1e-12)

t_quantile <- function(probability, df) {
  value <- rep(NaN, length(df))
  value[df > 0] <- qt(probability, df[df > 0])
  value
}

# The interval used when none is asked for.
default_method <- function(statistic, signed, over = NULL) {
  if (statistic == "share" || (statistic == "rate" && is.null(over))) {
    "logit"
  } else if (statistic == "total" && !signed) {
    "log"
  } else {
    "wald"
  }
}

confidence_limits <- function(method, estimate, se, df, n, level = 0.95) {
  t <- t_quantile(1 - (1 - level) / 2, df)
  exact <- function(adjust, cap) korn_graubard(estimate, se, df, n, level, cap, adjust)
  suppressWarnings(switch(method,
    wald = list(low = estimate - t * se, high = estimate + t * se),
    log = log_limits(estimate, se, t),
    logit = logit_limits(estimate, se, df, n, level),
    wilson = wilson_limits(estimate, se, t, n),
    beta = exact(adjust = TRUE, cap = FALSE),
    beta_nchs = exact(adjust = TRUE, cap = TRUE),
    beta_nhis = exact(adjust = FALSE, cap = TRUE),
    beta_plain = exact(adjust = FALSE, cap = FALSE),
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

# Clopper-Pearson limits with the effective sample size; at 0 and 1 that is the sample size.
korn_graubard <- function(p, se, df, n, level = 0.95, cap = FALSE, adjust = TRUE) {
  alpha <- 1 - level
  size <- p * (1 - p) / se^2
  if (adjust) {
    size <- size * (t_quantile(1 - alpha / 2, n - 1) / t_quantile(1 - alpha / 2, df))^2
  }
  size <- ifelse(at_bound(p), n, size)
  size <- ifelse(df > 0, size, NaN)
  if (cap) size <- pmin(size, n)
  cases <- size * pmin(pmax(p, 0), 1)
  # An infinite effective size: no sampling error, so both limits are the estimate.
  certain <- !is.na(size) & is.infinite(size)
  low <- ifelse(certain, p, qbeta(alpha / 2, cases, size - cases + 1))
  high <- ifelse(certain, p, qbeta(1 - alpha / 2, cases + 1, size - cases))
  known <- !is.na(size) & !is.na(p)
  list(
    low = ifelse(!known, NaN, ifelse(p < 1e-12, 0, low)),
    high = ifelse(!known, NaN, ifelse(p > 1 - 1e-12, 1, high))
  )
}

wilson_limits <- function(p, se, t, n) {
  size <- ifelse(at_bound(p), n, p * (1 - p) / se^2)
  middle <- p + t^2 / (2 * size)
  half <- t * sqrt(p * (1 - p) / size + t^2 / (4 * size^2))
  low <- (middle - half) / (1 + t^2 / size)
  high <- (middle + half) / (1 + t^2 / size)
  list(low = ifelse(p < 1e-12, 0, low), high = ifelse(p > 1 - 1e-12, 1, high))
}
