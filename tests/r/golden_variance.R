# Golden values of R's survey for replicate weights and calibrated weights.
#
#   Rscript tests/r/golden_variance.R tests/fixtures/survey_variance
#
# Data: survey's own `api` (tests/fixtures/survey_api has the columns used) and `scd`. The block
# `calibrate_raking` needs R's package MASS (apt-get install r-cran-mass). Last run: R 4.2.2,
# survey 4.1-1.
suppressPackageStartupMessages({
  library(survey)
  library(jsonlite)
})
folder <- commandArgs(TRUE)[1]
data(api)
data(scd)

figures <- function(design) {
  domain <- subset(design, comp.imp == "Yes")
  one <- function(x) list(est = as.vector(coef(x)), se = as.vector(SE(x)))
  by_level <- svyby(~api00, ~stype, design, svymean)
  quantile <- svyquantile(~api00, design, c(.25, .5, .75))[[1]]
  list(
    degf = degf(design), weights = as.vector(weights(design, "sampling"))[1:5],
    mean_api00 = one(svymean(~api00, design)), total_enroll = one(svytotal(~enroll, design, na.rm = TRUE)),
    ratio = one(svyratio(~api.stu, ~enroll, design, na.rm = TRUE)),
    share_sch_wide = one(svymean(~sch.wide, design)), total_stype = one(svytotal(~stype, design)),
    domain_mean_ell = one(svymean(~ell, domain)), domain_total = one(svytotal(~ell, domain)),
    domain_degf = degf(domain),
    mean_by_stype = list(est = unname(coef(by_level)), se = unname(SE(by_level))),
    quantile_api00 = list(
      est = unname(quantile[, 1]), lo = unname(quantile[, 2]), hi = unname(quantile[, 3]),
      se = unname(quantile[, 4])
    )
  )
}

strat <- svydesign(id = ~1, strata = ~stype, weights = ~pw, data = apistrat)
strat_fpc <- svydesign(id = ~1, strata = ~stype, weights = ~pw, fpc = ~fpc, data = apistrat)
clus1 <- svydesign(id = ~dnum, weights = ~pw, data = apiclus1)
clus1_fpc <- svydesign(id = ~dnum, weights = ~pw, fpc = ~fpc, data = apiclus1)
clus2_fpc <- svydesign(id = ~ dnum + snum, fpc = ~ fpc1 + fpc2, weights = ~pw, data = apiclus2)
jk1 <- as.svrepdesign(clus1_fpc, type = "JK1")
jkn <- as.svrepdesign(strat_fpc, type = "JKn")

# Controls: numbers of schools in California by type and by meeting the school-wide target, and the
# sum of last year's index.
types <- data.frame(stype = c("E", "H", "M"), Freq = c(4421, 755, 1018))
targets <- data.frame(sch.wide = c("No", "Yes"), Freq = c(1072, 5122))
totals <- c(`(Intercept)` = 6194, stypeH = 755, stypeM = 1018, api99 = 3914069)
tight <- list(maxit = 500, epsilon = 1e-14)
raked <- function(design) {
  suppressWarnings(rake(design, list(~stype, ~sch.wide), list(types, targets), control = tight))
}

expected <- list(
  version = paste(R.version.string, "survey", packageVersion("survey")),
  replicates = list(
    jk1 = figures(as.svrepdesign(clus1, type = "JK1")), jk1_fpc = figures(jk1),
    jkn = figures(as.svrepdesign(strat, type = "JKn")), jkn_fpc = figures(jkn)
  ),
  calibrated = list(
    poststratified = list(
      clus1 = figures(postStratify(clus1, ~stype, types)),
      clus1_fpc = figures(postStratify(clus1_fpc, ~stype, types)),
      clus2_fpc = figures(postStratify(clus2_fpc, ~stype, types)),
      jk1 = figures(postStratify(jk1, ~stype, types))
    ),
    rake = list(
      clus1 = figures(raked(clus1)), clus1_fpc = figures(raked(clus1_fpc)),
      clus2_fpc = figures(raked(clus2_fpc))
    ),
    linear = list(
      clus1 = figures(calibrate(clus1, ~ stype + api99, totals)),
      clus1_fpc = figures(calibrate(clus1_fpc, ~ stype + api99, totals)),
      clus2_fpc = figures(calibrate(clus2_fpc, ~ stype + api99, totals)),
      strat_fpc = figures(calibrate(strat_fpc, ~ stype + api99, totals)),
      jk1 = figures(calibrate(jk1, ~ stype + api99, totals))
    ),
    # The same sample with weights that its own sums are the totals of: only the variance changes.
    as_given = list(clus1 = figures(postStratify(clus1, ~stype, {
      sums <- aggregate(pw ~ stype, apiclus1, sum)
      names(sums) <- c("stype", "Freq")
      sums
    })))
  ),
  # As if the calibrated weights were the design's own: the classic mistake.
  mistake = {
    post <- postStratify(clus1, ~stype, types)
    plain <- svydesign(id = ~dnum, weights = as.vector(weights(post)), data = apiclus1)
    list(
      total_enroll_se = SE(svytotal(~enroll, plain, na.rm = TRUE))[[1]],
      mean_api00_se = SE(svymean(~api00, plain))[[1]]
    )
  }
)
if (requireNamespace("MASS", quietly = TRUE)) {
  by_raking <- function(design) {
    calibrate(design, ~ stype + sch.wide, c(totals[1:3], sch.wideYes = 5122),
      calfun = "raking",
      epsilon = 1e-13
    )
  }
  expected$calibrated$calibrate_raking <- list(
    clus1 = figures(by_raking(clus1)), clus1_fpc = figures(by_raking(clus1_fpc)),
    clus2_fpc = figures(by_raking(clus2_fpc))
  )
}

# Ambulance survival in three towns (strata) of two hospitals each: weights of every kind.
scd$w <- 1
halves <- svydesign(id = ~ambulance, strata = ~ESA, weights = ~w, data = scd, nest = TRUE)
matrix_of <- function(design) {
  # One row per hospital, one column per replicate.
  unname(apply(weights(design, "replication"), 2, function(x) x))
}
order4 <- 2 * survey::paley(3) - 1
ratio <- function(design) {
  x <- svyratio(~alive, ~arrests, design)
  list(est = as.vector(coef(x)), se = as.vector(SE(x)))
}
balanced <- as.svrepdesign(halves, type = "BRR", hadamard.matrix = order4, compress = FALSE)
fay <- as.svrepdesign(halves, type = "Fay", fay.rho = 0.3, hadamard.matrix = order4, compress = FALSE)
deleted <- as.svrepdesign(halves, type = "JKn", compress = FALSE)
expected$scd <- list(
  data = scd[c("ESA", "ambulance", "arrests", "alive")], hadamard = order4,
  brr = list(weights = matrix_of(balanced), ratio = ratio(balanced), degf = degf(balanced)),
  fay = list(weights = matrix_of(fay), ratio = ratio(fay), scale = fay$scale),
  jkn = list(
    weights = matrix_of(deleted), rscales = deleted$rscales, ratio = ratio(deleted),
    degf = degf(deleted)
  ),
  linearised = ratio(halves)
)
# An index that is a function of many weighted totals: how unlike the types of the schools are that
# met their target and those that did not, and its logarithm.
index <- function(w, data) {
  counts <- xtabs(w ~ stype + sch.wide, data)
  shares <- sweep(counts, 2, colSums(counts), "/")
  unlike <- sum(abs(shares[, 1] - shares[, 2])) / 2
  c(unlike, log(unlike))
}
functional <- function(design) {
  x <- withReplicates(design, index)
  list(est = as.vector(coef(x)), vcov = unname(as.matrix(vcov(x))), degf = degf(design))
}
expected$functional <- list(
  jkn = functional(jkn), jk1 = functional(as.svrepdesign(clus1, type = "JK1", mse = TRUE))
)
write_json(expected, file.path(folder, "expected.json"), digits = NA, auto_unbox = TRUE, pretty = 1)
write.csv(apiclus1[c("cds", "api99")], file.path(folder, "apiclus1_api99.csv"), row.names = FALSE)
write.csv(apistrat[c("cds", "api99")], file.path(folder, "apistrat_api99.csv"), row.names = FALSE)
write.csv(apiclus2[c("cds", "api99")], file.path(folder, "apiclus2_api99.csv"), row.names = FALSE)
