# Golden values of R's survey for regressions, margins and tests: on its own data (api, nhanes,
# hospital, mu284, fpc, scd, election) and on the panel of tests/fixtures/survey_examples.
#
#   Rscript tests/r/golden_models.R tests/fixtures
#
# writes survey_models/expected.json and survey_models/nhanes.csv. Last run: R 4.2.2, survey 4.1-1.
# Plain calls of the package; nothing of this project's r/ is used.
suppressPackageStartupMessages({
  library(survey)
  library(jsonlite)
})
fixtures <- commandArgs(TRUE)[1]
data(api)
data(nhanes)
data(hospital)
data(mu284)
data(fpc)
data(scd)
data(election)
options(survey.lonely.psu = "adjust", survey.replicates.mse = FALSE)

# svyglm's own stopping rule leaves five right digits in a standard error; this one all, because
# the second fit begins where the first ended.
tight <- list(epsilon = 1e-14, maxit = 50)
once <- function(formula, design, family = gaussian()) {
  do.call(svyglm, list(formula, design, family = family, control = tight))
}
fit <- function(formula, design, family = gaussian()) {
  first <- once(formula, design, family)
  do.call(svyglm, list(formula, design, family = family, control = tight, start = coef(first)))
}
model <- function(m, ...) {
  table <- coef(summary(m))
  limits <- confint(m)
  tests <- lapply(list(...), function(term) {
    found <- regTermTest(m, term)
    # It fits the smaller model by the call of the larger, whose starting values do not fit.
    bare <- m
    bare$call$start <- NULL
    ratio <- regTermTest(bare, term, method = "LRT")
    list(term = deparse(term), F = as.vector(found$Ftest), df = found$df, ddf = found$ddf,
      p = as.vector(found$p), chisq = as.vector(ratio$chisq), p_ratio = as.vector(ratio$p),
      p_chisq = as.vector(pchisq(ratio$chisq, found$df, lower.tail = FALSE)))
  })
  list(
    names = names(coef(m)), est = unname(coef(m)), se = unname(SE(m)), df = m$df.residual,
    t = unname(table[, 3]), p = unname(table[, 4]), low = unname(limits[, 1]),
    high = unname(limits[, 2]), covariance = unname(vcov(m)), tests = tests
  )
}
# Average marginal effects: weighted means of predictions, their gradient by central differences.
effects <- function(m, changes) {
  data <- model.frame(m$survey.design)
  w <- weights(m$survey.design, "sampling")
  predicted <- function(b, frame) {
    x <- model.matrix(delete.response(terms(m)), frame, xlev = m$xlevels)
    eta <- as.vector(x %*% b)
    if (!is.null(m$offset)) eta <- eta + frame$shift
    m$family$linkinv(eta)
  }
  value <- function(b) {
    vapply(changes, function(change) {
      sum(w * (predicted(b, change$to(data)) - predicted(b, change$from(data)))) / sum(w) /
        change$step
    }, 1)
  }
  b <- coef(m)
  gradient <- sapply(seq_along(b), function(i) {
    h <- 1e-5 * max(1, abs(b[i]))
    e <- replace(numeric(length(b)), i, h)
    (value(b + e) - value(b - e)) / (2 * h)
  })
  gradient <- matrix(gradient, length(changes))
  list(est = value(b), se = sqrt(diag(gradient %*% vcov(m) %*% t(gradient))))
}
level_change <- function(name, to, from) {
  set <- function(level) function(data) {
    data[[name]] <- if (is.factor(data[[name]])) factor(level, levels(data[[name]])) else level
    data
  }
  list(to = set(to), from = set(from), step = 1)
}
slope_change <- function(name, h = 1e-4) {
  shift <- function(by) function(data) {
    data[[name]] <- data[[name]] + by
    data
  }
  list(to = shift(h), from = shift(-h), step = 2 * h)
}
margins <- function(adjust, formula, at) {
  at <- factor(at)
  found <- svypredmeans(adjust, formula, predictat = at)
  parts <- attr(vcov(found), "parts")
  list(level = as.character(at), est = unname(coef(found)), se = unname(SE(found)),
    fixed_covariance = unname(parts[[1]]), covariance = unname(parts[[1]] + as.matrix(parts[[2]])))
}
table_tests <- function(formula, design) {
  lapply(c(F = "F", Chisq = "Chisq", Wald = "Wald", adjWald = "adjWald"), function(s) {
    found <- svychisq(formula, design, statistic = s)
    list(value = as.vector(found$statistic), df = as.vector(found$parameter),
      p = as.vector(found$p.value))
  })
}
t_test <- function(formula, design) {
  found <- svyttest(formula, design)
  list(estimate = as.vector(found$estimate), t = as.vector(found$statistic),
    df = as.vector(found$parameter), p = as.vector(found$p.value),
    ci = as.vector(found$conf.int))
}

# ---- api: stratified, clustered, two stages, jackknife ---------------------------------------

for (name in c("apistrat", "apiclus1", "apiclus2")) {
  data <- get(name)
  data$wide <- as.numeric(data$sch.wide == "Yes")
  data$shift <- log(data$enroll)
  assign(name, data)
}
strat <- svydesign(id = ~1, strata = ~stype, weights = ~pw, fpc = ~fpc, data = apistrat)
clus1 <- svydesign(id = ~dnum, weights = ~pw, fpc = ~fpc, data = apiclus1)
clus2 <- svydesign(id = ~ dnum + snum, fpc = ~ fpc1 + fpc2, weights = ~pw, data = apiclus2)
one_stage <- svydesign(id = ~dnum, weights = ~pw, data = apiclus2)
jk1 <- as.svrepdesign(
  svydesign(id = ~dnum, weights = ~pw, data = apiclus1), type = "JK1", compress = FALSE
)
logit <- quasibinomial()
count <- quasipoisson()

strat_logit <- fit(wide ~ ell + comp.imp + stype, strat, logit)
clus1_linear <- fit(api00 ~ ell * comp.imp + stype, clus1)
clus2_linear <- fit(api00 ~ ell + stype, clus2)
clus2_poisson <- fit(api.stu ~ ell + stype + offset(shift), subset(clus2, !is.na(shift)), count)
strat_without_strata <- svydesign(id = ~1, weights = ~pw, data = apistrat)

expected <- list(
  version = paste(R.version.string, "survey", packageVersion("survey")),
  strat_logit = model(strat_logit, ~stype, ~ comp.imp + stype),
  strat_logit_effects = effects(strat_logit, list(
    slope_change("ell"), level_change("comp.imp", "Yes", "No"),
    level_change("stype", "H", "E"), level_change("stype", "M", "E")
  )),
  strat_margins = margins(once(wide ~ ell + comp.imp, strat, logit), ~stype, c("E", "H", "M")),
  clus1_linear = model(clus1_linear, ~stype, ~ell:comp.imp),
  clus1_linear_effects = effects(clus1_linear, list(
    slope_change("ell"), level_change("comp.imp", "Yes", "No")
  )),
  clus1_domain = model(fit(api00 ~ ell + stype, subset(clus1, comp.imp == "Yes"))),
  clus2_linear = model(clus2_linear, ~stype),
  clus2_poisson = model(clus2_poisson, ~stype),
  clus2_poisson_effects = effects(clus2_poisson, list(
    slope_change("ell"), level_change("stype", "H", "E"), level_change("stype", "M", "E")
  )),
  clus2_margins = margins(once(api00 ~ ell, clus2), ~stype, c("E", "H", "M")),
  jk1_logit = model(fit(wide ~ ell + stype, jk1, logit), ~stype),
  jk1_poisson = model(fit(api.stu ~ ell + offset(shift), jk1, count)),
  tables = list(
    strat = table_tests(~ sch.wide + stype, strat),
    clus1 = table_tests(~ sch.wide + comp.imp, clus1),
    clus2 = table_tests(~ sch.wide + stype, clus2),
    jk1 = table_tests(~ sch.wide + stype, jk1)
  ),
  t_tests = list(
    strat = t_test(api00 ~ comp.imp, strat), clus1_one = t_test(api00 ~ 0, clus1),
    clus2 = t_test(ell ~ sch.wide, clus2), jk1 = t_test(api00 ~ comp.imp, jk1)
  ),
  mistakes = list(
    strata_ignored_se = unname(SE(fit(wide ~ ell + comp.imp + stype, strat_without_strata, logit))),
    clus2_one_stage_se = unname(SE(fit(api00 ~ ell + stype, one_stage))),
    frequency_weights_se = {
      plain <- glm(wide ~ ell + comp.imp + stype, quasibinomial(), apistrat, weights = pw)
      unname(sqrt(diag(summary(plain)$cov.unscaled)))
    },
    filtered_se = unname(SE(fit(api00 ~ ell + stype, svydesign(
      id = ~dnum, weights = ~pw, fpc = ~fpc, data = subset(apiclus1, comp.imp == "Yes")
    )))),
    pearson_p = {
      counts <- xtabs(pw ~ sch.wide + comp.imp, apiclus1)
      chisq.test(counts, correct = FALSE)$p.value
    }
  )
)

# ---- nhanes: 15 strata of clusters with reused codes, a domain -------------------------------

nhanes$agecat <- factor(as.character(nhanes$agecat))
nhanes$race <- factor(nhanes$race)
nhanes$sex <- factor(nhanes$RIAGENDR)
examined <- svydesign(
  id = ~SDMVPSU, strata = ~SDMVSTRA, weights = ~WTMEC2YR, nest = TRUE, data = nhanes
)
known <- subset(examined, !is.na(HI_CHOL))
cholesterol <- fit(HI_CHOL ~ race + agecat + sex, known, logit)
expected$nhanes_logit <- model(cholesterol, ~race, ~agecat, ~ race + sex)
expected$nhanes_crossed <- model(fit(HI_CHOL ~ agecat * sex + race, known, logit), ~ agecat:sex)
expected$nhanes_men <- model(fit(HI_CHOL ~ race + agecat, subset(known, RIAGENDR == 1), logit))
expected$nhanes_margins <- margins(
  once(HI_CHOL ~ agecat + sex, known, logit), ~race, 1:4
)
expected$tables$nhanes <- table_tests(~ HI_CHOL + race, known)
expected$t_tests$nhanes <- t_test(HI_CHOL ~ sex, known)
columns <- c("SDMVPSU", "SDMVSTRA", "WTMEC2YR", "HI_CHOL", "race", "agecat", "RIAGENDR")
write.csv(nhanes[columns], file.path(fixtures, "survey_models", "nhanes.csv"),
  row.names = FALSE, na = "")

# ---- small designs of the package, with their records ----------------------------------------

hospital_design <- svydesign(
  id = ~1, strata = ~oblevel, fpc = ~tothosp, weights = ~weighta, data = hospital
)
municipal <- svydesign(id = ~ id1 + id2, fpc = ~ n1 + n2, data = mu284)
small <- svydesign(id = ~psuid, strata = ~stratid, weights = ~weight, fpc = ~Nh, nest = TRUE,
  data = fpc)
scd$weight <- 1
repeated <- 2 * cbind(
  c(1, 0, 1, 0, 1, 0), c(1, 0, 0, 1, 0, 1), c(0, 1, 1, 0, 0, 1), c(0, 1, 0, 1, 1, 0)
)
arrests <- svrepdesign(
  data = scd, type = "BRR", repweights = repeated, combined.weights = FALSE, weights = ~weight
)
votes <- svydesign(id = ~1, weights = ~wt, data = election_pps)
hospital$log_births <- log(hospital$births)
expected$small <- list(
  hospital = list(data = hospital[c("hospno", "oblevel", "weighta", "tothosp", "births")],
    poisson = model(fit(births ~ factor(oblevel), hospital_design, count), ~ factor(oblevel))),
  mu284 = list(data = cbind(mu284, weight = as.vector(weights(municipal))),
    t_test = t_test(y1 ~ 0, municipal)),
  fpc = list(data = fpc, t_test = t_test(x ~ 0, small)),
  scd = list(data = data.frame(scd, rw = repeated),
    poisson = model(fit(alive ~ log_arrests, update(arrests, log_arrests = log(arrests)), count))),
  election = list(data = election_pps[c("wt", "Bush", "Kerry", "votes")],
    linear = model(fit(Bush ~ Kerry, votes)))
)

# ---- the panel: six years pooled, PSUs shared between years ----------------------------------

panel <- read.csv(file.path(fixtures, "survey_examples", "synthetic_panel.csv"))
for (name in c("year", "sex", "area")) panel[[paste0(name, "_f")]] <- factor(panel[[name]])
panel$old <- as.numeric(panel$age >= 60)
years <- svydesign(id = ~psuid, strata = ~stratum, weights = ~wt, data = panel)
moved <- fit(mig ~ year_f + grp + sex_f + area_f, years, logit)
contrast <- svycontrast(
  svypredmeans(once(mig ~ grp + sex_f + area_f, years, logit), ~year_f, factor(2019:2024)),
  list(shock = c(-1, .5, .5, 0, 0, 0), net = c(-1, 0, 0, 1, 1, 1) / c(1, 1, 1, 3, 3, 3))
)
expected$panel_logit <- model(moved, ~year_f, ~ grp + sex_f)
expected$panel_margins <- margins(
  once(mig ~ grp + sex_f + area_f, years, logit), ~year_f, 2019:2024
)
expected$panel_contrasts <- list(est = unname(coef(contrast)), se = unname(SE(contrast)))
expected$panel_effects <- effects(moved, list(
  level_change("year_f", "2020", "2019"), level_change("year_f", "2024", "2019"),
  level_change("area_f", "2", "1")
))
expected$panel_trend <- model(fit(mig ~ year + grp, years, logit))
expected$panel_2024 <- model(fit(mig ~ age + sex_f, subset(years, year == 2024), logit))
expected$panel_crossed <- model(fit(mig ~ grp * year_f + age:area_f, years), ~ grp:year_f)
expected$tables$panel <- table_tests(~ mig + year_f, years)

# Wald tests of cells: the covariance of svyby, the F adjusted as Korn and Graubard (1990) have it.
wald <- function(cells, l, df) {
  value <- l %*% coef(cells)
  w <- as.vector(t(value) %*% solve(l %*% vcov(cells) %*% t(l), value))
  q <- nrow(l)
  f <- (df - q + 1) / (df * q) * w
  list(chisq = w, F = f, df = c(q, df - q + 1), p = pf(f, q, df - q + 1, lower.tail = FALSE))
}
ages <- svyby(~mig, ~grp, years, svymean, covmat = TRUE)
races <- svyby(~HI_CHOL, ~race, known, svymean, covmat = TRUE)
expected$cells <- list(
  panel = wald(ages, diff(diag(3)), degf(years)),
  nhanes = wald(races, diff(diag(4)), degf(known)),
  nhanes_two = wald(races, rbind(c(1, 0, 0, -1), c(0, 1, -1, 0)), degf(known))
)

# p.adjust, with a missing value and ties.
p <- c(0.01, 0.04, 0.03, NA, 0.005, 0.04, 0.9, 1, 0)
expected$p_adjust <- list(p = p, holm = p.adjust(p, "holm"), bh = p.adjust(p, "BH"))
expected$contr_poly <- list(
  six = unname(contr.poly(6)[, 1:2]),
  uneven = unname(contr.poly(5, scores = c(2019, 2020, 2022, 2023, 2027))[, 1:3])
)
write_json(expected, file.path(fixtures, "survey_models", "expected.json"),
  digits = NA, auto_unbox = TRUE, pretty = 1, na = "null")
