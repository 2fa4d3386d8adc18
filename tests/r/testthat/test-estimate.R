# The functions in r/ against plain calls of the survey package.
# Run from pytest, or: Rscript -e 'testthat::test_dir("tests/r/testthat")' with R_FOLDER set.

folder <- Sys.getenv("R_FOLDER", file.path("..", "..", "..", "r"))
files <- c(
  "design.R", "replicates.R", "calibration.R", "intervals.R", "inequality.R", "estimate.R",
  "covariance.R", "change.R", "session.R"
)
for (file in files) {
  source(file.path(folder, file), local = TRUE, encoding = "UTF-8")
}
use_lonely_rule("adjust")
data(api, package = "survey", envir = environment())

apistrat$psu <- seq_len(nrow(apistrat))
plain <- svydesign(id = ~psu, strata = ~stype, weights = ~pw, data = apistrat)
ours <- stratified_design(apistrat$pw, apistrat$stype, list(apistrat$psu))

test_that("means, totals and ratios are those of survey", {
  mean <- svymean(~api00, plain, deff = TRUE)
  found <- estimate_table(ours, "mean", apistrat$api00)
  expect_equal(found$estimate, as.vector(coef(mean)), tolerance = 1e-14)
  expect_equal(found$se, as.vector(SE(mean)), tolerance = 1e-14)
  expect_equal(found$deff, as.vector(deff(mean)), tolerance = 1e-12)
  expect_identical(c(found$n, found$df), c(200L, 197L))
  total <- svytotal(~enroll, plain, deff = TRUE)
  found <- estimate_table(ours, "total", apistrat$enroll)
  expect_equal(found$se, as.vector(SE(total)), tolerance = 1e-14)
  expect_equal(found$deff, as.vector(deff(total)), tolerance = 1e-12)
  ratio <- svyratio(~api.stu, ~enroll, plain)
  found <- estimate_table(ours, "ratio", apistrat$api.stu, apistrat$enroll)
  expect_equal(found$se, as.vector(SE(ratio)), tolerance = 1e-14)
})

test_that("cells are those of svyby, with empty ones kept", {
  met <- factor(apistrat$sch.wide, c("Yes", "No", "Maybe"))
  found <- estimate_table(ours, "mean", apistrat$api00, by = list(met, apistrat$stype))
  cells <- svyby(~api00, ~ stype + sch.wide, plain, svymean)
  expect_length(found$estimate, 9)
  expect_equal(found$estimate[1:6], cells$api00[c(4:6, 1:3)], tolerance = 1e-14)
  expect_equal(found$se[1:6], as.vector(SE(cells))[c(4:6, 1:3)], tolerance = 1e-13)
  expect_identical(found$n[7:9], rep(0L, 3))
  expect_true(all(is.nan(found$estimate[7:9])))
})

test_that("shares have the limits and design effects of survey", {
  share <- svymean(~stype, plain, deff = TRUE)
  met <- factor(apistrat$sch.wide)
  found <- estimate_table(ours, "share", met)
  wide <- svymean(~sch.wide, plain, deff = TRUE)
  expect_equal(found$deff, as.vector(deff(wide)), tolerance = 1e-12)
  for (method in c("xlogit", "beta")) {
    limits <- attr(svyciprop(~ I(sch.wide == "Yes"), plain, method = method, df = 197), "ci")
    found <- estimate_table(ours, "share", met, ci = c(xlogit = "logit", beta = "beta")[[method]])
    expect_equal(c(found$ci_low[2], found$ci_high[2]), as.vector(limits), tolerance = 1e-10)
  }
})

test_that("a domain keeps the design and a missing item leaves the domain", {
  inside <- apistrat$comp.imp == "Yes"
  found <- estimate_table(ours, "mean", apistrat$ell, domain = inside)
  expect_equal(found$se, as.vector(SE(svymean(~ell, subset(plain, comp.imp == "Yes")))))
  some <- apistrat$ell
  some[c(3, 50)] <- NA
  found <- estimate_table(ours, "mean", some)
  expect_identical(found$n, 198L)
  expect_equal(found$se, as.vector(SE(svymean(~some, plain, na.rm = TRUE))))
})

test_that("the quantile rule is survey's but below the first step", {
  found <- estimate_table(ours, "quantile", apistrat$api00, quantiles = c(0.1, 0.5))
  limits <- svyquantile(~api00, plain, c(0.1, 0.5))[[1]]
  expect_equal(found$estimate, unname(limits[, 1]))
  expect_equal(found$ci_low, unname(limits[, 2]))
  expect_equal(found$ci_high, unname(limits[, 3]))
  expect_identical(inverse_distribution(c(3, 1, 2), c(1, 1, 1), 0.2), 1)
  expect_identical(inverse_distribution(c(3, 1, 2), c(1, 1, 1), 2 / 3), 2)
  expect_identical(inverse_distribution(1:6, rep(33.847, 6), 0.5), 3L)
})

test_that("the influence gives the variance back", {
  found <- estimate_table(ours, "mean", apistrat$api00, influence = TRUE)
  stratum <- apistrat$stype[found$influence$psu]
  n <- as.vector(table(apistrat$stype)[stratum])
  centred <- found$influence$value - ave(found$influence$value, stratum)
  expect_equal(sqrt(sum(n / (n - 1) * centred^2)), found$se, tolerance = 1e-12)
})

test_that("a rate is a mean of 0 and 1 in another unit, or a ratio", {
  met <- as.numeric(apistrat$sch.wide == "Yes")
  share <- estimate_table(ours, "mean", met, ci = "logit")
  rate <- estimate_table(ours, "rate", met, per = 1000)
  for (name in c("estimate", "se", "ci_low", "ci_high")) {
    expect_equal(rate[[name]], 1000 * share[[name]], tolerance = 1e-14)
  }
  expect_equal(rate$cases, sum(met == 1))
  ratio <- svyratio(~api.stu, ~enroll, plain)
  found <- estimate_table(ours, "rate", apistrat$api.stu, apistrat$enroll, per = 100)
  expect_equal(found$se, 100 * as.vector(SE(ratio)), tolerance = 1e-14)
  expect_error(estimate_table(ours, "rate", apistrat$api00), "an item of 0 and 1")
})

test_that("Gini and top shares are those of a list of persons", {
  expect_equal(gini_of(c(4, 1, 3, 2), rep(1, 4))$value, 0.25)
  expect_equal(gini_of(c(0, 8), c(3, 1))$value, 0.75)
  expect_equal(top_share_of(c(1, 2, 3, 4), c(1, 1, 1, 2), 0.5)$value, 9.5 / 14)
  # The linearised variable is the derivative by the weight.
  x <- c(3, 1, 4, 1, 5, 9, 2, 6)
  w <- c(2, 3, 1, 4, 2, 1, 5, 2)
  for (one in list(gini_of, function(x, w) top_share_of(x, w, 0.33))) {
    step <- 1e-6
    numeric <- vapply(seq_along(x), function(k) {
      moved <- replace(w, k, w[k] + step)
      (one(x, moved)$value - one(x, w)$value) / step
    }, numeric(1))
    expect_equal(one(x, w)$u, numeric, tolerance = 1e-5)
  }
  expect_error(estimate_table(ours, "gini", -apistrat$api00), "never negative")
})

test_that("covariances and contrasts are those of svyby and svycontrast", {
  cells <- svyby(~api00, ~stype, plain, svymean, covmat = TRUE)
  found <- estimate_table(ours, "mean", apistrat$api00, by = list(apistrat$stype), covariance = TRUE)
  all_of_it <- combined_covariance(ours, list(found$spread), list(diag(3)), "adjust")
  expect_equal(unname(all_of_it), unname(vcov(cells)), tolerance = 1e-13)
  share <- estimate_table(ours, "share", apistrat$sch.wide, covariance = TRUE)
  both <- list(found$spread, share$spread)
  one <- list(matrix(c(1, -1, 0), 1), matrix(0, 1, 2))
  difference <- svycontrast(cells, c(E = 1, H = -1))
  expect_equal(
    sqrt(combined_covariance(ours, both, one, "adjust")[1, 1]), as.vector(SE(difference)),
    tolerance = 1e-13
  )
  expect_equal(combined_df(ours, both, one), degf(subset(plain, stype != "M")))
})

test_that("limits at 0 and 1 take the sample size", {
  expect_equal(confidence_limits("beta_nchs", 0, 0, 12, 30)$high, 1 - 0.025^(1 / 30))
  expect_equal(confidence_limits("wilson", 1, 0, 12, 30)$high, 1)
  expect_equal(confidence_limits("beta", 0.3, 0, 5, 30)$low, 0.3)
  expect_error(confidence_limits("clopper", 0.3, 0.1, 5, 30), "is not known")
})

test_that("change uses the PSUs of both years", {
  year <- function(year, z, psu) {
    n <- length(z)
    list(
      year = year, link = 1, estimate = sum(z), se = sqrt(n * var(z)), df = n - 1,
      influence = list(row = rep(1, n), psu = seq_len(n), value = z),
      psus = list(
        stratum = rep("a", n), psu = psu, scale = rep(n / (n - 1), n), centred = rep(TRUE, n)
      )
    )
  }
  # See tests/survey/test_survey_change.py: V1 21, V2 48, C 18.
  series <- list(year(1, c(1, 2, 6), c("p", "q", "r")), year(2, c(4, 8, 0), c("q", "r", "s")))
  found <- series_change(series)
  expect_equal(as.vector(found$se)^2, 33)
  expect_equal(as.vector(found$df), 3)
  series[[2]]$link <- 2
  expect_equal(as.vector(series_change(series)$se)^2, 69)
  expect_equal(gls_line(c(0, 1, 2, 3), c(1, 2, 4, 3), 0.25 * diag(4))$slope, 0.8)
})
