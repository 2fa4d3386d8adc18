# Gini coefficients and top shares written out by hand, for the golden tests: Debian's R has no
# package for them (convey).
#
#   Rscript tests/r/golden_inequality.R tests/fixtures
#
# writes survey_inequality/expected.json. Nothing of r/ is used, and every formula is another one
# than there: the Gini by all pairs of persons, the top share by walking down the sorted persons,
# the linearised variables as Langel and Tillé print them and as numerical derivatives by the weight.
# Last run: R 4.2.2, survey 4.1-1.
suppressPackageStartupMessages({
  library(survey)
  library(jsonlite)
})
folder <- commandArgs(TRUE)[1]

# Mean absolute difference of all pairs over twice the mean.
gini <- function(x, w) {
  sum(outer(w, w) * abs(outer(x, x, "-"))) / (2 * sum(w) * sum(w * x))
}

# Walk from the largest amount down until `top` of the population is used up.
top_share <- function(x, w, top) {
  left <- top * sum(w)
  held <- 0
  for (k in order(x, decreasing = TRUE)) {
    part <- min(w[k], left)
    held <- held + part * x[k]
    left <- left - part
  }
  held / sum(w * x)
}

# Langel and Tillé (2013): N_k and mean of those at or below k.
gini_linearised <- function(x, w) {
  population <- sum(w)
  total <- sum(w * x)
  g <- gini(x, w)
  vapply(seq_along(x), function(k) {
    below <- x <= x[k]
    n_k <- sum(w[below])
    mean_k <- sum(w[below] * x[below]) / n_k
    (2 * n_k * (x[k] - mean_k) + total - population * x[k] - g * (total + x[k] * population)) /
      (population * total)
  }, numeric(1))
}

# Langel and Tillé (2011) for the total below a quantile: x H + Q (alpha - 1[x <= Q]), here for the
# share above: one less that.
top_linearised <- function(x, w, top) {
  alpha <- 1 - top
  reached <- cumsum(w[order(x)]) / sum(w)
  q <- sort(x)[which(reached >= alpha - 1e-10)[1]]
  total <- sum(w * x)
  lorenz <- 1 - top_share(x, w, top)
  vapply(seq_along(x), function(k) {
    under <- if (x[k] <= q) x[k] - q else 0
    -(alpha * q + under - lorenz * x[k]) / total
  }, numeric(1))
}

derivative <- function(estimator, x, w, ...) {
  vapply(seq_along(x), function(k) {
    step <- 1e-5 * w[k]
    up <- down <- w
    up[k] <- w[k] + step
    down[k] <- w[k] - step
    (estimator(x, up, ...) - estimator(x, down, ...)) / (2 * step)
  }, numeric(1))
}

# SE of the total of a linearised variable in a domain of a design.
linearised_se <- function(design, rows, u) {
  values <- rep(0, nrow(design))
  values[rows] <- u
  as.vector(SE(svytotal(~z_, update(design, z_ = values))))
}

figures <- function(design, item, rows = NULL, tops = c(0.1, 0.3)) {
  x <- design$variables[[item]]
  rows <- if (is.null(rows)) which(!is.na(x)) else which(rows & !is.na(x))
  x <- x[rows]
  w <- weights(design)[rows]
  tops <- lapply(tops, function(top) {
    list(
      top = top, est = top_share(x, w, top),
      se = linearised_se(design, rows, top_linearised(x, w, top)),
      se_derivative = linearised_se(design, rows, derivative(top_share, x, w, top))
    )
  })
  list(
    gini = gini(x, w), gini_se = linearised_se(design, rows, gini_linearised(x, w)),
    gini_se_derivative = linearised_se(design, rows, derivative(gini, x, w)),
    gini_unweighted = gini(x, rep(1, length(x))), tops = tops, n = length(x)
  )
}

# Jackknife: the estimators under each replicate weight.
replicated <- function(design, item) {
  x <- design$variables[[item]]
  one <- function(f, ...) {
    found <- withReplicates(design, function(w, data) f(data[[item]], w, ...))
    list(est = as.vector(found), se = as.vector(SE(found)))
  }
  list(gini = one(gini), top = one(top_share, 0.1))
}

read <- function(name) read.csv(file.path(folder, name))
panel <- read("survey_examples/synthetic_panel.csv")
senders <- subset(panel, year == 2024)
senders_design <- svydesign(id = ~psuid, strata = ~stratum, weights = ~wt, data = senders)
clus1 <- read("survey_api/apiclus1.csv")
clus1_design <- svydesign(id = ~dnum, weights = ~pw, data = clus1)
clus1_jk <- svrepdesign(data = clus1, weights = ~pw, repweights = read("survey_api/apiclus1_jk1.csv"),
  type = "JK1", combined.weights = TRUE)
clus2 <- read("survey_r/apiclus2.csv")
clus2$school <- seq_len(nrow(clus2))
clus2_design <- svydesign(id = ~ dnum + school, weights = ~pw, fpc = ~ fpc1 + fpc2, data = clus2)
strat <- read("survey_r/apistrat.csv")
strat_design <- svydesign(id = ~1, strata = ~stype, weights = ~pw, fpc = ~fpc, data = strat)

expected <- list(
  panel_2024 = figures(senders_design, "amount"),
  panel_2024_area2 = figures(senders_design, "amount", senders$area == 2),
  clus1 = figures(clus1_design, "enroll"), clus2_fpc = figures(clus2_design, "enroll"),
  strat_fpc = figures(strat_design, "enroll"),
  # Ties: whole percentages.
  clus1_ties = figures(clus1_design, "ell"), clus1_jk1 = replicated(clus1_jk, "enroll"),
  version = paste(R.version.string, "survey", packageVersion("survey"))
)
dir.create(file.path(folder, "survey_inequality"), showWarnings = FALSE)
write_json(expected, file.path(folder, "survey_inequality", "expected.json"),
  digits = NA, auto_unbox = TRUE, pretty = 1)
