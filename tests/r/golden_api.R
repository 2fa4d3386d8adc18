# Golden values of R's survey on its own `api` data (Academic Performance Index of Californian
# schools, California Department of Education).
#
#   Rscript tests/r/golden_api.R tests/fixtures/survey_api
#
# writes the samples (the columns the tests use) and expected.json. Last run: R 4.2.2, survey 4.1-1.
suppressPackageStartupMessages({
  library(survey)
  library(jsonlite)
})
folder <- commandArgs(TRUE)[1]
data(api)

one <- function(x) {
  d <- attr(x, "deff")
  c(list(est = as.vector(coef(x)), se = as.vector(SE(x))), if (!is.null(d)) list(deff = as.vector(deff(x))))
}
by_cells <- function(...) {
  b <- svyby(..., keep.names = FALSE)
  list(cell = as.character(b[[1]]), est = unname(coef(b)), se = unname(SE(b)))
}
quantiles <- function(x) {
  m <- x[[1]]
  list(est = unname(m[, 1]), lo = unname(m[, 2]), hi = unname(m[, 3]), se = unname(m[, 4]))
}
figures <- function(design) {
  subset_h <- subset(design, stype == "H")
  list(
    degf = degf(design),
    mean_api00 = one(svymean(~api00, design, deff = TRUE)),
    total_enroll = one(svytotal(~enroll, design, na.rm = TRUE, deff = TRUE)),
    ratio = one(svyratio(~api.stu, ~enroll, design, na.rm = TRUE)),
    share_stype = one(svymean(~stype, design, deff = TRUE)),
    mean_by_stype = by_cells(~api00, ~stype, design, svymean),
    total_by_stype = by_cells(~enroll, ~stype, design, svytotal, na.rm = TRUE),
    domain_mean_ell = one(svymean(~ell, subset(design, comp.imp == "Yes"))),
    domain_degf = degf(subset_h),
    logit_sch_wide = {
      p <- svyciprop(~ I(sch.wide == "Yes"), design, method = "xlogit", df = degf(design))
      as.vector(attr(p, "ci"))
    },
    beta_sch_wide = {
      p <- svyciprop(~ I(sch.wide == "Yes"), design, method = "beta", df = degf(design))
      as.vector(attr(p, "ci"))
    },
    quantile_api00 = quantiles(svyquantile(~api00, design, c(.25, .5, .75)))
  )
}

keep <- c(
  "cds", "stype", "snum", "dnum", "sch.wide", "comp.imp", "ell", "api00", "enroll", "api.stu",
  "pw", "fpc"
)
strat_fpc <- svydesign(id = ~1, strata = ~stype, weights = ~pw, fpc = ~fpc, data = apistrat)
clus1_fpc <- svydesign(id = ~dnum, weights = ~pw, fpc = ~fpc, data = apiclus1)
expected <- list(
  version = paste(R.version.string, "survey", packageVersion("survey")),
  strat = figures(svydesign(id = ~1, strata = ~stype, weights = ~pw, data = apistrat)),
  strat_fpc = figures(strat_fpc),
  clus1 = figures(svydesign(id = ~dnum, weights = ~pw, data = apiclus1)),
  clus1_fpc = figures(clus1_fpc),
  clus2_fpc = figures(
    svydesign(id = ~ dnum + snum, fpc = ~ fpc1 + fpc2, weights = ~pw, data = apiclus2)
  ),
  clus2 = figures(svydesign(id = ~ dnum + snum, weights = ~pw, data = apiclus2)),
  jk1 = figures(as.svrepdesign(
    svydesign(id = ~dnum, weights = ~pw, data = apiclus1), type = "JK1", compress = FALSE
  ))
)
# What the classic mistakes give, so that a test can say which one it would have met.
plain <- svydesign(id = ~1, weights = ~pw, data = apiclus1)
filtered <- svydesign(id = ~dnum, weights = ~pw, data = subset(apiclus1, comp.imp == "Yes"))
expected$mistakes <- list(
  clusters_ignored_mean_se = SE(svymean(~api00, plain))[[1]],
  strata_ignored_mean_se = SE(svymean(~api00, svydesign(id = ~1, weights = ~pw, data = apistrat)))[[1]],
  rows_filtered_ell_se = SE(svymean(~ell, filtered))[[1]]
)

clus2 <- apiclus2
clus2$pw <- as.vector(weights(
  svydesign(id = ~ dnum + snum, fpc = ~ fpc1 + fpc2, data = apiclus2)
))
stopifnot(isTRUE(all.equal(clus2$pw, apiclus2$pw)))
write.csv(apistrat[keep], file.path(folder, "apistrat.csv"), row.names = FALSE, na = "")
write.csv(apiclus1[keep], file.path(folder, "apiclus1.csv"), row.names = FALSE, na = "")
write.csv(apiclus2[c(setdiff(keep, "fpc"), "fpc1", "fpc2")],
  file.path(folder, "apiclus2.csv"), row.names = FALSE, na = "")
jk <- as.svrepdesign(
  svydesign(id = ~dnum, weights = ~pw, data = apiclus1), type = "JK1", compress = FALSE
)
weights <- weights(jk, "analysis")
colnames(weights) <- paste0("rw", seq_len(ncol(weights)))
write.csv(weights, file.path(folder, "apiclus1_jk1.csv"), row.names = FALSE)
write_json(expected, file.path(folder, "expected.json"), digits = NA, auto_unbox = TRUE, pretty = 1)
