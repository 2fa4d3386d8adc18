# Replicate weights and calibrated weights of r/ against plain calls of the survey package.

folder <- Sys.getenv("R_FOLDER", file.path("..", "..", "..", "r"))
files <- c(
  "design.R", "replicates.R", "calibration.R", "intervals.R", "inequality.R", "estimate.R"
)
for (file in files) {
  source(file.path(folder, file), local = TRUE, encoding = "UTF-8")
}
use_lonely_rule("adjust")
data(api, package = "survey", envir = environment())

plain <- svydesign(id = ~dnum, weights = ~pw, data = apiclus1)
ours <- stratified_design(apiclus1$pw, NULL, list(apiclus1$dnum))
types <- data.frame(stype = c("E", "H", "M"), Freq = c(4421, 755, 1018))
type_control <- list(codes = apiclus1$stype, totals = types$Freq)

test_that("post-strata are those of postStratify, in and out of a domain", {
  post <- postStratify(plain, ~stype, types)
  made <- calibrated_design(ours, "poststratified", list(type_control))
  expect_equal(sampling_weights(made), as.vector(weights(post)), tolerance = 1e-14)
  found <- estimate_table(made, "mean", apiclus1$api00)
  expect_equal(found$se, as.vector(SE(svymean(~api00, post))), tolerance = 1e-13)
  inside <- apiclus1$comp.imp == "Yes"
  found <- estimate_table(made, "mean", apiclus1$ell, domain = inside)
  expect_equal(found$se, as.vector(SE(svymean(~ell, subset(post, comp.imp == "Yes")))))
})

test_that("linear calibration and raking are those of calibrate and rake", {
  totals <- c(`(Intercept)` = 6194, stypeH = 755, stypeM = 1018, api99 = 3914069)
  greg <- calibrate(plain, ~ stype + api99, totals)
  made <- calibrated_design(ours, "linear", list(
    type_control, list(values = apiclus1$api99, totals = 3914069)
  ))
  found <- estimate_table(made, "total", apiclus1$enroll)
  expect_equal(found$estimate, as.vector(coef(svytotal(~enroll, greg))), tolerance = 1e-12)
  expect_equal(found$se, as.vector(SE(svytotal(~enroll, greg))), tolerance = 1e-10)
  target <- list(codes = apiclus1$sch.wide, totals = c(1072, 5122))
  raked <- suppressWarnings(rake(plain, list(~stype, ~sch.wide), list(
    types, data.frame(sch.wide = c("No", "Yes"), Freq = c(1072, 5122))
  ), control = list(maxit = 200, epsilon = 1e-13)))
  made <- calibrated_design(ours, "raked_unweighted", list(type_control, target))
  found <- estimate_table(made, "total", apiclus1$enroll)
  expect_equal(found$se, as.vector(SE(svytotal(~enroll, raked))), tolerance = 1e-9)
  # The weights of this sample are equal, so residuals with and without weights are the same.
  made <- calibrated_design(ours, "raked", list(type_control, target))
  found <- estimate_table(made, "total", apiclus1$enroll)
  expect_equal(found$se, as.vector(SE(svytotal(~enroll, raked))), tolerance = 1e-9)
})

test_that("calibrated scores add up to the variance that survey has", {
  made <- calibrated_design(ours, "poststratified", list(type_control))
  scores <- calibrated_scores(apiclus1$enroll * sampling_weights(made), made)
  sums <- rowsum(scores, apiclus1$dnum)
  n <- length(sums)
  variance <- n / (n - 1) * sum((sums - mean(sums))^2)
  found <- estimate_table(made, "total", apiclus1$enroll, influence = TRUE)
  expect_equal(found$se^2, variance, tolerance = 1e-12)
  expect_equal(found$influence$value, as.vector(sums), tolerance = 1e-12)
  expect_equal(sum(calibrated_scores((apiclus1$stype == "H") * sampling_weights(made), made)^2), 0,
    tolerance = 1e-20
  )
})

test_that("a record without a weight has no residual", {
  weight <- apiclus1$pw
  weight[c(5, 90)] <- 0
  kept <- weight > 0
  some <- stratified_design(weight, NULL, list(apiclus1$dnum))
  few <- svydesign(id = ~dnum, weights = ~pw, data = apiclus1[kept, ])
  made <- calibrated_design(some, "poststratified", list(type_control))
  found <- estimate_table(made, "total", apiclus1$enroll)
  expect_equal(found$se, as.vector(SE(svytotal(~enroll, postStratify(few, ~stype, types)))))
})

test_that("groups are collapsed as stated", {
  province <- factor(rep(c(1, 1, 1, 2, 2, 3, 3), c(3, 2, 7, 6, 1, 2, 1)))
  age <- factor(rep(c(1, 2, 3, 1, 2, 1, 2), c(3, 2, 7, 6, 1, 2, 1)))
  group <- control_groups(list(province, age), rep(1, 22), 5)
  expect_identical(as.vector(table(group)), c(5L, 7L, 10L))
  expect_identical(max(control_groups(list(province, age), rep(1, 22), 1)), 7L)
})

test_that("jackknives are survey's own", {
  strat <- svydesign(id = ~1, strata = ~stype, weights = ~pw, fpc = ~fpc, data = apistrat)
  psu <- list(seq_len(nrow(apistrat)))
  made <- with_replicates(
    stratified_design(apistrat$pw, apistrat$stype, psu, list(apistrat$fpc)), "JKn"
  )
  theirs <- as.svrepdesign(strat, type = "JKn")
  found <- estimate_table(made, "mean", apistrat$api00)
  expect_equal(found$se, as.vector(SE(svymean(~api00, theirs))), tolerance = 1e-13)
})

test_that("a bootstrapped stratum has n - 1 draws, and successive differences their formula", {
  set.seed(1)
  factors <- rao_wu_factors(rep(c("a", "b", "c"), c(2, 3, 1)), 50)
  expect_equal(colSums(factors[1:2, ]) / 2, rep(1, 50))
  expect_equal(colSums(factors[3:5, ]) * 2 / 3, rep(2, 50))
  expect_equal(factors[6, ], rep(1, 50))
  y <- c(1, 4, 10, 7)
  made <- with_replicates(stratified_design(rep(1, 4), NULL, list(1:4)), "ACS", 8)
  expect_equal(estimate_table(made, "total", y)$se^2, 45)
  expect_error(with_replicates(ours, "JK9"), "cannot be made")
})

test_that("totals of replicates are those of svytotal", {
  made <- with_replicates(ours, "JK1")
  theirs <- as.svrepdesign(plain, type = "JK1")
  found <- replicate_totals(made, by = list(apiclus1$stype))
  expect_equal(found$total, as.vector(coef(svytotal(~stype, theirs))))
  replicates <- svytotal(~stype, theirs, return.replicates = TRUE)$replicates
  expect_equal(found$replicates, as.vector(replicates))
})
