# Golden values of R's survey on its own data sets, by plain calls of the package.
#
#   Rscript tests/r/golden_estimators.R tests/fixtures/survey_r
#
# writes one CSV per sample (the columns used, missing values empty) and expected.json, which also
# says what each design and its items are. Last run: R 4.2.2, survey 4.1-1.
suppressPackageStartupMessages({
  library(survey)
  library(jsonlite)
})
folder <- commandArgs(TRUE)[1]
dir.create(folder, showWarnings = FALSE, recursive = TRUE)
for (name in c("api", "nhanes", "scd", "hospital", "mu284", "election", "fpc")) {
  data(list = name, package = "survey")
}
options(survey.lonely.psu = "adjust")

# ---- the samples, with the columns the tests use ------------------------------------------------

api <- function(frame, more) {
  frame$wide <- as.numeric(frame$sch.wide == "Yes")
  frame$students <- frame$api.stu
  frame[c("stype", "comp.imp", "wide", "ell", "api00", "enroll", "students", "pw", more)]
}
pooled <- rbind(
  cbind(api(apiclus1, c("dnum")), year = 1), cbind(api(apiclus2, c("dnum")), year = 2)
)
samples <- list(
  apisrs = api(apisrs, "fpc"), apistrat = api(apistrat, "fpc"), apiclus1 = api(apiclus1, c("dnum", "fpc")),
  apiclus2 = api(apiclus2, c("dnum", "fpc1", "fpc2")), pooled = pooled,
  nhanes = transform(nhanes, chol = HI_CHOL, sex = RIAGENDR)[
    c("SDMVSTRA", "SDMVPSU", "WTMEC2YR", "chol", "race", "agecat", "sex")
  ],
  scd = transform(scd, one = 1, busy = as.numeric(arrests > 200),
    r1 = 2 * c(1, 0, 1, 0, 1, 0), r2 = 2 * c(1, 0, 0, 1, 0, 1),
    r3 = 2 * c(0, 1, 1, 0, 0, 1), r4 = 2 * c(0, 1, 0, 1, 1, 0)
  ),
  hospital = transform(hospital, large = as.numeric(births > 500)),
  mu284 = transform(mu284, high = as.numeric(y1 > 45), part = id2 %% 2),
  election = transform(election_pps, won = as.numeric(Bush > Kerry), large = as.numeric(votes > 2e5))[
    c("Bush", "Kerry", "votes", "won", "large", "wt")
  ],
  fpc = transform(fpc, high = as.numeric(x > 5))
)
samples$mu284$w <- with(samples$mu284, n1 / 5 * n2 / 3)

# ---- the designs --------------------------------------------------------------------------------

of <- function(name, ..., y, over, flag, category, by, python) {
  design <- svydesign(..., data = samples[[name]])
  list(
    design = design,
    spec = list(
      sample = name, y = y, over = over, flag = flag, category = category, by = by, design = python
    )
  )
}
api_items <- list(y = "api00", over = "enroll", flag = "wide", category = "stype", by = "comp.imp")
on_api <- function(name, ..., python) {
  do.call(of, c(list(name, ...), api_items, list(python = python)))
}
designs <- list(
  srs = on_api("apisrs", id = ~1, fpc = ~fpc, weights = ~pw,
    python = list(weight = "pw", fpc = "fpc")),
  strat = on_api("apistrat", id = ~1, strata = ~stype, weights = ~pw,
    python = list(weight = "pw", strata = "stype")),
  strat_fpc = on_api("apistrat", id = ~1, strata = ~stype, weights = ~pw, fpc = ~fpc,
    python = list(weight = "pw", strata = "stype", fpc = "fpc")),
  clus1 = on_api("apiclus1", id = ~dnum, weights = ~pw, python = list(weight = "pw", psu = "dnum")),
  clus1_fpc = on_api("apiclus1", id = ~dnum, weights = ~pw, fpc = ~fpc,
    python = list(weight = "pw", psu = "dnum", fpc = "fpc")),
  clus2 = on_api("apiclus2", id = ~dnum, weights = ~pw, python = list(weight = "pw", psu = "dnum")),
  clus2_fpc = {
    samples$apiclus2$school <- seq_len(nrow(samples$apiclus2))
    on_api("apiclus2", id = ~ dnum + school, weights = ~pw, fpc = ~ fpc1 + fpc2,
      python = list(weight = "pw", psu = I(c("dnum", "school")), fpc = I(c("fpc1", "fpc2"))))
  },
  # Two years' samples pooled: districts in both are one PSU (rotation).
  pooled = of("pooled", id = ~dnum, weights = ~pw, y = "api00", over = "enroll", flag = "wide",
    category = "stype", by = "year", python = list(weight = "pw", psu = "dnum")),
  nhanes = of("nhanes", id = ~SDMVPSU, strata = ~SDMVSTRA, weights = ~WTMEC2YR, nest = TRUE,
    y = "race", over = "sex", flag = "chol", category = "agecat", by = "sex",
    python = list(weight = "WTMEC2YR", strata = "SDMVSTRA", psu = "SDMVPSU", nest = TRUE)),
  scd = of("scd", id = ~ambulance, strata = ~ESA, weights = ~one, nest = TRUE,
    y = "alive", over = "arrests", flag = "busy", category = "busy", by = "busy",
    python = list(weight = "one", strata = "ESA", psu = "ambulance", nest = TRUE)),
  hospital = of("hospital", id = ~hospno, strata = ~oblevel, weights = ~weighta, fpc = ~tothosp,
    y = "births", over = "weightats", flag = "large", category = "oblevel", by = "large",
    python = list(weight = "weighta", strata = "oblevel", psu = "hospno", fpc = "tothosp")),
  mu284 = of("mu284", id = ~ id1 + id2, weights = ~w, fpc = ~ n1 + n2,
    y = "y1", over = "n2", flag = "high", category = "part", by = "part",
    python = list(weight = "w", psu = I(c("id1", "id2")), fpc = I(c("n1", "n2")), nest = TRUE)),
  election = of("election", id = ~1, weights = ~wt,
    y = "Bush", over = "votes", flag = "won", category = "large", by = "large",
    python = list(weight = "wt")),
  fpc = of("fpc", id = ~psuid, strata = ~stratid, weights = ~weight, nest = TRUE, fpc = ~Nh,
    y = "x", over = "nh", flag = "high", category = "high", by = "high",
    python = list(weight = "weight", strata = "stratid", psu = "psuid", nest = TRUE, fpc = "Nh"))
)

# ---- the estimates ------------------------------------------------------------------------------

one <- function(x) {
  found <- list(est = as.vector(coef(x)), se = as.vector(SE(x)))
  if (!is.null(attr(x, "deff"))) found$deff <- as.vector(deff(x))
  found
}
cells <- function(x) c(one(x), list(cell = as.character(x[[1]]), cov = unname(vcov(x))))
quiet <- suppressWarnings

# A proportion's intervals. R has xlogit, logit (by a fit), beta and Wald; NCHS and NHIS as CDC's
# surveytable defines them (svyciprop_adjusted); Wilson with the effective size.
intervals_of <- function(design, level = 0.95) {
  limits <- function(method) {
    p <- svyciprop(~flag_, design, method = method, level = level, df = degf(design))
    as.vector(attr(p, "ci"))
  }
  mean <- svymean(~flag_, design)
  p <- as.vector(coef(mean))
  n <- nrow(design)
  effective <- p * (1 - p) / as.vector(vcov(mean))
  t <- qt(1 - (1 - level) / 2, degf(design))
  adjusted <- effective * (qt(1 - (1 - level) / 2, n - 1) / t)^2
  beta <- function(size) {
    alpha <- 1 - level
    c(
      qbeta(alpha / 2, size * p, size * (1 - p) + 1),
      qbeta(1 - alpha / 2, size * p + 1, size * (1 - p))
    )
  }
  centre <- p + t^2 / (2 * effective)
  half <- t * sqrt(p * (1 - p) / effective + t^2 / (4 * effective^2))
  list(
    wald = limits("mean"), logit = limits("xlogit"), beta = limits("beta"),
    fitted_logit = limits("logit"), beta_plain = beta(effective),
    beta_nchs = beta(min(adjusted, n)), beta_nhis = beta(min(effective, n)),
    wilson = (centre + c(-1, 1) * half) / (1 + t^2 / effective)
  )
}

figures <- function(entry) {
  spec <- entry$spec
  design <- entry$design
  variables <- design$variables
  design <- update(design, y_ = variables[[spec$y]], over_ = variables[[spec$over]],
    flag_ = variables[[spec$flag]], category_ = factor(variables[[spec$category]]),
    by_ = factor(variables[[spec$by]]))
  known <- subset(design, !is.na(flag_))
  whole <- subset(design, !is.na(over_))
  by_mean <- svyby(~y_, ~by_, design, svymean, covmat = TRUE)
  by_share <- svyby(~category_, ~by_, design, svymean, covmat = TRUE)
  total <- svytotal(~y_, design, deff = TRUE)
  names(total) <- "T"
  labels <- rownames(by_mean)
  difference <- svycontrast(by_mean, setNames(c(1, -1), labels[1:2]))
  share_names <- colnames(vcov(svymean(~category_, design)))
  share <- svymean(~category_, design, deff = TRUE)
  apart <- svycontrast(share, setNames(c(-1, 1), share_names[1:2]))
  logs <- svycontrast(by_mean, as.call(list(as.name("log"),
    call("/", as.name(labels[1]), as.name(labels[2])))))
  quantiles <- quiet(svyquantile(~y_, design, c(.25, .5, .75)))[[1]]
  list(
    spec = spec, n = nrow(known), degf = degf(design), degf_known = degf(known),
    mean = one(svymean(~y_, design, deff = TRUE)), total = one(total),
    log_total = as.vector(exp(confint(svycontrast(total, quote(log(T))), df = degf(design)))),
    wald_total = as.vector(confint(total, df = degf(design))),
    share = c(one(share), list(cov = unname(vcov(share)))),
    ratio = one(svyratio(~y_, ~over_, whole)),
    flag = one(svymean(~flag_, known)), intervals = intervals_of(known),
    quantile = list(est = unname(quantiles[, 1]), low = unname(quantiles[, 2]),
      high = unname(quantiles[, 3]), se = unname(quantiles[, 4])),
    by_mean = cells(by_mean), by_total = cells(svyby(~y_, ~by_, design, svytotal, covmat = TRUE)),
    by_ratio = cells(svyby(~y_, ~by_, denominator = ~over_, whole, svyratio, covmat = TRUE)),
    by_share_cov = unname(vcov(by_share)),
    difference = c(one(difference), df = degf(subset(design, by_ %in% labels[1:2]))),
    share_difference = one(apart), log_difference = one(logs)
  )
}

expected <- lapply(designs, figures)

# Balanced half samples of scd, as R's help page gives them.
brr <- svrepdesign(data = samples$scd, type = "BRR", combined.weights = FALSE, weights = ~one,
  repweights = samples$scd[c("r1", "r2", "r3", "r4")])
by_brr <- svyby(~alive, ~busy, brr, svytotal, covmat = TRUE)
both <- svytotal(~ alive + arrests, brr)
expected$scd_brr <- list(
  ratio = one(svyratio(~alive, ~arrests, brr)), by_total = cells(by_brr),
  difference = one(svycontrast(by_brr, setNames(c(1, -1), rownames(by_brr)))),
  totals = c(one(both), list(cov = unname(vcov(both)))), degf = degf(brr)
)

# ---- the classic mistakes -----------------------------------------------------------------------

chol <- designs$nhanes$design
women <- subset(chol, sex == 2)
expected$mistakes <- list(
  mean_weights_ignored = mean(samples$nhanes$chol, na.rm = TRUE),
  se_strata_ignored = SE(svymean(~chol, svydesign(id = ~ interaction(SDMVSTRA, SDMVPSU),
    weights = ~WTMEC2YR, data = samples$nhanes), na.rm = TRUE))[[1]],
  difference_without_covariance = with(expected$nhanes$by_mean, sqrt(sum(se^2))),
  # The filter comes before the design: districts without a school of the domain are lost.
  clus1_filtered_total_se = SE(svytotal(~enroll, svydesign(id = ~dnum, weights = ~pw,
    data = subset(samples$apiclus1, stype == "H"))))[[1]],
  clus1_domain_total_se = SE(svytotal(~enroll, subset(designs$clus1$design, stype == "H")))[[1]],
  # Degrees of freedom of the whole design for a domain that lies in fewer districts.
  clus1_df_full = degf(designs$clus1$design),
  clus1_df_domain = degf(subset(designs$clus1$design, stype == "H"))
)
expected$version <- paste(R.version.string, "survey", packageVersion("survey"))

for (name in names(samples)) {
  write.csv(samples[[name]], file.path(folder, paste0(name, ".csv")), row.names = FALSE, na = "")
}
write_json(expected, file.path(folder, "expected.json"), digits = NA, auto_unbox = TRUE, pretty = 1)
