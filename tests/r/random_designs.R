# Estimates of random designs by plain calls of survey, for the tests that draw such designs:
#
#   Rscript tests/r/random_designs.R DESIGNS.json OUT.json
#
# DESIGNS.json: [{"columns": {name: [values]}, "lonely_psu": rule, "stages": 1 or 2, "fpc": true}].
# Columns: stratum, psu, house, weight, y, x, flag, group, sex, code, inside, fpc1, fpc2. What a
# call of R refuses comes back as null.
suppressPackageStartupMessages({
  library(survey)
  library(jsonlite)
})
options(survey.adjust.domain.lonely = FALSE)

made <- function(entry) {
  data <- as.data.frame(entry$columns, stringsAsFactors = FALSE)
  for (name in c("sex", "group", "code")) data[[name]] <- factor(data[[name]])
  options(survey.lonely.psu = entry$lonely_psu)
  ids <- if (entry$stages == 2) ~ psu + house else ~psu
  fpc <- if (!entry$fpc) NULL else if (entry$stages == 2) ~ fpc1 + fpc2 else ~fpc1
  svydesign(ids = ids, strata = ~stratum, weights = ~weight, fpc = fpc, data = data, nest = TRUE)
}

one <- function(x) {
  found <- list(est = as.vector(coef(x)), se = as.vector(SE(x)))
  if (!is.null(attr(x, "deff"))) found$deff <- as.vector(deff(x))
  found
}
cells <- function(x) {
  by <- names(x)[attr(x, "svyby")$margins]
  labels <- lapply(by, function(name) as.character(x[[name]]))
  c(one(x), list(labels = do.call(paste, c(labels, sep = "|"))))
}
limits <- function(design, method) {
  found <- svyciprop(~flag, design, method = method, df = degf(design))
  as.vector(attr(found, "ci"))
}
# The call's value, or null if R refuses it (an empty domain, a lonely PSU under "fail").
try_call <- function(call) {
  tryCatch(suppressWarnings(call), error = function(condition) NULL)
}

figures <- function(entry) {
  design <- made(entry)
  inside <- subset(design, inside == 1)
  y <- subset(inside, !is.na(y))
  flag <- subset(inside, !is.na(flag))
  group <- subset(inside, !is.na(group))
  counted <- function(d) list(df = degf(d), n = sum(weights(d) > 0))
  by_y <- try_call(svyby(~y, ~sex, y, svymean, covmat = TRUE))
  pair <- c(1, -1)
  # Under "average" svyby's covmat borrows from all strata of the design, not from the cell's.
  joint <- !is.null(by_y) && nrow(by_y) == 2 && entry$lonely_psu != "average"
  list(
    mean = try_call(c(one(svymean(~y, y, deff = TRUE)), counted(y))),
    total = try_call(one(svytotal(~y, y, deff = TRUE))),
    persons = try_call(one(svytotal(~one, update(inside, one = 1)))),
    ratio = try_call(one(svyratio(~y, ~x, y))),
    share = try_call(one(svymean(~group, group, deff = TRUE))),
    share_cov = try_call(unname(vcov(svymean(~group, group)))),
    rate = try_call(c(one(svymean(~flag, flag)), counted(flag))),
    logit = try_call(limits(flag, "xlogit")), beta = try_call(limits(flag, "beta")),
    wald = try_call(limits(flag, "mean")),
    by_mean = try_call(cells(svyby(~y, ~ sex + code, y, svymean))),
    by_total = try_call(cells(svyby(~x, ~ sex + code + group, group, svytotal))),
    by_cov = if (joint) unname(vcov(by_y)),
    difference = if (joint) try_call(
      c(one(svycontrast(by_y, setNames(pair, rownames(by_y)))), df = degf(y))
    ),
    quantile = try_call(as.vector(svyquantile(~y, y, c(0.25, 0.5, 0.9), ci = FALSE)[[1]]))
  )
}

entries <- read_json(commandArgs(TRUE)[1], simplifyVector = TRUE, simplifyDataFrame = FALSE)
write_json(lapply(entries, figures), commandArgs(TRUE)[2],
  digits = NA, auto_unbox = TRUE, null = "null", na = "null"
)
