# Gini coefficient and top shares. Debian has no package for them (`convey`), so they are written
# out here: the estimator, and its linearised variable for a design with strata and PSUs. Formulas
# and sources stand in py/lfsmig/survey/inequality.py.

# An estimate with its variance, from a function of (item, weights) that returns value and u.
inequality <- function(design, estimator, ...) {
  item <- design$variables$item
  if (sum(as.vector(weights(design, "sampling")) * item) == 0) {
    return(without_amounts(design))
  }
  if (inherits(design, "svyrep.design")) {
    value <- function(weights, data) estimator(data$item, weights, ...)$value
    return(withReplicates(design, value, return.replicates = TRUE))
  }
  weight <- as.vector(weights(design, "sampling"))
  found <- estimator(item, weight, ...)
  scores <- as.matrix(found$u * weight)
  structure(found$value,
    var = svyrecvar(
      scores, design$cluster, design$strata, design$fpc, postStrata = design$postStrata
    ),
    influence = scores, class = "svystat"
  )
}

# Nobody in the cell holds anything: there is nothing to be held unequally.
without_amounts <- function(design) {
  nothing <- matrix(0, nrow(design$variables), 1)
  if (inherits(design, "svyrep.design")) nothing <- matrix(NaN, length(design$rscales), 1)
  found <- structure(NaN, var = matrix(NaN), influence = nothing, class = "svystat")
  if (!inherits(design, "svyrep.design")) {
    return(found)
  }
  attr(found, "influence") <- NULL
  structure(list(theta = found, replicates = nothing), class = "svrepstat")
}

# Mean absolute difference of two persons drawn by weight, over twice the mean.
gini_of <- function(x, w) {
  population <- sum(w)
  total <- sum(w * x)
  # Weight and total at or below each value; ties have the same.
  value <- sort(unique(x))
  place <- match(x, value)
  at <- function(amount) as.vector(rowsum(amount, place))
  rank <- cumsum(at(w))
  below <- c(0, rank)[seq_along(value)]
  held <- cumsum(at(w * x))
  gini <- sum(w * x * (below[place] + rank[place])) / (population * total) - 1
  # Among equal amounts only rounding is left.
  if (!is.na(gini) && gini <= 1e-12) {
    return(list(value = 0, u = numeric(length(x))))
  }
  u <- 2 * (x * rank[place] + total - held[place]) / (population * total) -
    (gini + 1) * (1 / population + x / total)
  list(value = gini, u = u)
}

# Part of the total that the fraction `top` of the population holds; the one on the border counts
# in part.
top_share_of <- function(x, w, top) {
  border <- inverse_distribution(x, w, 1 - top)
  total <- sum(w * x)
  share <- (sum(w * pmax(x - border, 0)) + top * sum(w) * border) / total
  list(value = share, u = (pmax(x - border, 0) + top * border - share * x) / total)
}
