# Regressions, tests and contrasts of r/ against plain calls of the survey package.

folder <- Sys.getenv("R_FOLDER", file.path("..", "..", "..", "r"))
for (file in c("design.R", "intervals.R", "change.R", "models.R", "tests.R")) {
  source(file.path(folder, file), local = TRUE, encoding = "UTF-8")
}
use_lonely_rule("adjust")
data(api, package = "survey", envir = environment())
apistrat$psu <- seq_len(nrow(apistrat))
apistrat$wide <- as.numeric(apistrat$sch.wide == "Yes")
apistrat$small <- log(apistrat$enroll)
plain <- svydesign(id = ~psu, strata = ~stype, weights = ~pw, data = apistrat)
ours <- stratified_design(apistrat$pw, apistrat$stype, list(apistrat$psu))
everyone <- rep(TRUE, nrow(apistrat))
columns <- list(v1 = apistrat$ell, v2 = apistrat$stype)
fitted_model <- function(family, response, terms = "1 + v1 + v2", offset = NULL) {
  fit_regression(
    ours, everyone, response, terms, columns, list(v1 = NULL, v2 = levels(apistrat$stype)), family,
    offset
  )
}

test_that("coefficients, covariance and df are those of svyglm", {
  for (family in c("gaussian", "binomial", "poisson")) {
    found <- fitted_model(family, apistrat$wide)
    chosen <- switch(family,
      gaussian = gaussian(), binomial = quasibinomial(), poisson = quasipoisson()
    )
    model <- svyglm(wide ~ ell + stype, plain, family = chosen, control = list(epsilon = 1e-14))
    expect_equal(found$estimate, unname(coef(model)), tolerance = 1e-10)
    expect_equal(found$covariance, as.vector(vcov(model)), tolerance = 1e-7)
    expect_identical(found$df, model$df.residual)
    expect_identical(found$names, c("(Intercept)", "v1", "v2H", "v2M"))
  }
})

test_that("an offset moves the prediction", {
  found <- fitted_model("poisson", apistrat$api.stu, offset = apistrat$small)
  model <- svyglm(api.stu ~ ell + stype + offset(small), plain, family = quasipoisson())
  expect_equal(found$estimate, unname(coef(model)), tolerance = 1e-8)
  here <- predictive_margins(found$model, list(list()))
  expect_equal(here$estimate, weighted.mean(fitted(model), apistrat$pw), tolerance = 1e-8)
})

test_that("the reference level is the first that is asked for", {
  found <- fit_regression(
    ours, everyone, apistrat$api00, "1 + v2", columns["v2"], list(v2 = c("M", "E", "H")), "gaussian"
  )
  expect_identical(found$names, c("(Intercept)", "v2E", "v2H"))
})

test_that("margins and their variance are those of svypredmeans", {
  found <- fitted_model("binomial", apistrat$wide)
  settings <- lapply(levels(apistrat$stype), function(level) list(v2 = level))
  without <- svyglm(wide ~ ell, plain, family = quasibinomial(), control = list(epsilon = 1e-14))
  known <- svypredmeans(without, ~stype, predictat = factor(levels(apistrat$stype)))
  margins <- predictive_margins(found$model, settings)
  expect_equal(margins$estimate, as.vector(coef(known)), tolerance = 1e-9)
  gradient <- matrix(margins$gradient, ncol = 3)
  fixed <- t(gradient) %*% matrix(found$covariance, 4) %*% gradient
  covariance <- fixed + matrix(covariance_of_means(found$model, settings), 3)
  expect_equal(sqrt(diag(covariance)), as.vector(SE(known)), tolerance = 1e-6)
  effect <- average_slope(fitted_model("gaussian", apistrat$api00)$model, "v1")
  expect_equal(unname(effect$gradient), c(0, 1, 0, 0))
})

test_that("separation is refused, and terms are tested by regTermTest", {
  expect_error(fitted_model("binomial", as.numeric(apistrat$stype == "H")), "perfect separation")
  found <- fitted_model("gaussian", apistrat$api00)
  known <- regTermTest(svyglm(api00 ~ ell + stype, plain), ~stype)
  expect_equal(test_terms(found$model, "v2"), c(known$Ftest[1], known$p[1]), tolerance = 1e-10)
})

test_that("tables and means are tested as in survey", {
  wide <- factor(apistrat$sch.wide)
  for (statistic in c("F", "Chisq", "Wald", "adjWald")) {
    known <- svychisq(~ sch.wide + stype, plain, statistic = statistic)
    found <- table_test(ours, everyone, wide, apistrat$stype, statistic)
    expect_equal(found$value, as.vector(known$statistic))
    expect_equal(found$p, as.vector(known$p.value))
  }
  known <- svyttest(api00 ~ sch.wide, plain)
  found <- mean_test(ours, everyone, apistrat$api00, wide)
  expect_equal(found$estimate / found$se, as.vector(known$statistic))
  expect_equal(mean_test(ours, everyone, apistrat$api00, null = 600)$df, 196)
})

test_that("the adjusted Wald test of one figure is the square of t", {
  found <- wald_test(c(3, 1), c(4, 1, 1, 2), 20, c(1, -1))
  expect_equal(found[["statistic"]], 4 / (4 + 2 - 2))
  expect_equal(found[["p"]], 2 * pt(-1, 20))
  expect_true(is.nan(wald_test(c(1, 1), c(1, 1, 1, 1), 20, diag(2))[["chisq"]]))
})

test_that("contrasts over years use the covariance of shared PSUs", {
  year <- function(year, z, psu, estimate) {
    list(
      year = year, link = 1, estimate = estimate, se = sqrt(1.5 * sum((z - mean(z))^2)), df = 2,
      influence = list(row = c(1, 1, 1), psu = 1:3, value = z),
      psus = list(stratum = rep("a", 3), psu = psu, scale = rep(1.5, 3), centred = rep(TRUE, 3))
    )
  }
  series <- list(
    year(1, c(1, 2, 6), c("p", "q", "r"), 9), year(2, c(4, 8, 0), c("q", "r", "s"), 12)
  )
  found <- series_contrasts(series, c(-1, 1))
  expect_equal(c(found$estimate, found$se^2, found$df), c(3, 33, 3))
  equal <- series_equality(series)
  expect_equal(equal$chisq, 9 / 33)
  expect_equal(series_change(series, c(1, 2), logged = TRUE)$se[1]^2, 7 / 27)
})
