# The works of the benchmark as an R user writes them: plain calls of the survey package.

suppressPackageStartupMessages(library(survey))
options(survey.lonely.psu = "adjust")

bench_design <- function(frame) {
  frame$one <- 1
  svydesign(ids = ~psu, strata = ~stratum, weights = ~weight, data = frame)
}

bench_mean <- function(design) svyby(~migrant, ~province + year, design, svymean)

bench_total <- function(design) svyby(~one, ~province + sex + age_group, design, svytotal)

bench_share <- function(design) svyby(~labour_status, ~region + year, design, svymean)

# 15 terms: sex 1, area 1, education 5, labour status 6, age and its square 2. Converged as in
# r/models.R: where svyglm stops by itself its standard errors are still 2e-6 off.
bench_logit <- function(design) {
  svyglm(
    migrant ~ sex + area + education + labour_status + age + age_squared, design,
    family = quasibinomial(), control = list(epsilon = 1e-11, maxit = 50)
  )
}

# Migration effectiveness: net flows over gross flows between regions, all regions together.
effectiveness <- function(flow) {
  diag(flow) <- 0
  sum(abs(rowSums(flow) - colSums(flow))) / sum(rowSums(flow) + colSums(flow))
}

bench_bootstrap <- function(design, replicates = 500) {
  set.seed(1)
  replicated <- as.svrepdesign(design, type = "subbootstrap", replicates = replicates)
  withReplicates(replicated, function(w, data) {
    effectiveness(rowsum_table(w, data$previous_region, data$region))
  })
}

rowsum_table <- function(w, from, to) {
  cell <- (as.integer(from) - 1L) * nlevels(to) + as.integer(to)
  sums <- numeric(nlevels(from) * nlevels(to))
  found <- rowsum(w, cell)
  sums[as.integer(rownames(found))] <- found
  matrix(sums, nlevels(from), byrow = TRUE)
}

# Keys (levels of the table's columns and category), estimates and standard errors of a result.
bench_values <- function(found) {
  if (!inherits(found, "svyby")) {
    names <- names(coef(found))
    if (is.null(names)) names <- "index"
    return(list(names, as.vector(coef(found)), as.vector(SE(found))))
  }
  layout <- attr(found, "svyby")
  cells <- do.call(paste, c(lapply(found[layout$margins], as.character), sep = "|"))
  statistics <- as.matrix(found[length(layout$margins) + seq_len(layout$nstats)])
  # A share's columns are the item's name and the category run together.
  category <- if (layout$nstats > 1) sub("^labour_status", "", colnames(statistics)) else ""
  list(
    as.vector(outer(cells, category, paste, sep = "|")), as.vector(statistics),
    as.vector(as.matrix(SE(found)))
  )
}
