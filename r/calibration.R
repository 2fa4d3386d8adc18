# Calibrated weights: survey's own postStratify, calibrate and rake, from columns and totals.
#
# A control is list(name, codes, totals) with a factor and a total per level, or list(name, values,
# totals) with a numeric item and one total. Weights that come calibrated get totals that are
# their own sums: the weights stay and only the variance changes.

calibrated_design <- function(design, method, controls) {
  names(controls) <- paste0("control", seq_along(controls))
  for (name in names(controls)) {
    control <- controls[[name]]
    rows <- design_rows(design)
    design$variables[[name]] <- if (is.null(control$codes)) control$values[rows] else control$codes[rows]
  }
  made <- switch(method,
    poststratified = postStratify(design, as.formula("~control1"), level_totals(controls)[[1]]),
    raked = with_weighted_residuals(raked_design(design, controls), design, controls),
    raked_unweighted = raked_design(design, controls),
    linear = calibrate(design, margin_formula(controls), control_totals(controls)),
    stop("calibration '", method, "' is not known")
  )
  without_zero_weights(made)
}

# survey's rake, to the last digit (its own default stops when no cell changes by more than 1).
raked_design <- function(design, controls) {
  if (inherits(design, "svyrep.design")) {
    return(raked_replicates(design, controls))
  }
  margins <- lapply(names(controls), function(name) reformulate(name))
  rake(design, margins, level_totals(controls), control = list(maxit = 1000, epsilon = 1e-13))
}

# rake stops when the full sample has converged, whatever the replicates have done by then. Here
# all of them go on until no weight changes.
raked_replicates <- function(design, controls) {
  totals <- level_totals(controls)
  for (round in 1:1000) {
    before <- as.matrix(design$repweights)
    for (i in seq_along(controls)) {
      design <- postStratify(design, reformulate(names(controls)[i]), totals[[i]], compress = FALSE)
    }
    if (max(abs(as.matrix(design$repweights) - before)) <= 1e-13 * max(before)) break
  }
  design
}

# Give a raked design the residuals of calibrate(calfun = "raking"): from a regression weighted by
# the weights before raking. (calibrate itself needs the package MASS.) rake alone takes unweighted
# means. Replicates need no residuals.
with_weighted_residuals <- function(raked, design, controls) {
  if (inherits(design, "svyrep.design")) {
    return(raked)
  }
  before <- as.vector(weights(design))
  g <- as.vector(weights(raked)) / before
  g[before == 0] <- 1
  items <- model.matrix(margin_formula(controls), design$variables)
  residuals <- list(qr = qr(items * sqrt(before)), w = g * sqrt(before), stage = 0, index = NULL)
  class(residuals) <- c("greg_calibration", "gen_raking")
  raked$postStrata <- list(residuals)
  raked
}

level_totals <- function(controls) {
  lapply(names(controls), function(name) {
    control <- controls[[name]]
    frame <- data.frame(levels(control$codes), control$totals)
    names(frame) <- c(name, "Freq")
    frame
  })
}

# Categories bring the constant; items alone do not.
margin_formula <- function(controls) {
  categories <- vapply(controls, function(control) !is.null(control$codes), TRUE)
  reformulate(names(controls), intercept = any(categories))
}

# Totals by the names that model.matrix gives its columns.
control_totals <- function(controls) {
  categories <- Filter(function(control) !is.null(control$codes), controls)
  constant <- if (length(categories) > 0) c(`(Intercept)` = sum(categories[[1]]$totals))
  parts <- lapply(names(controls), function(name) {
    control <- controls[[name]]
    if (is.null(control$codes)) {
      return(setNames(control$totals, name))
    }
    setNames(control$totals, paste0(name, levels(control$codes)))[-1]
  })
  c(constant, unlist(parts))
}

# survey divides by the weights of the calibration when it takes residuals and multiplies by them
# again. Records without a weight get the smallest instead of zero, so that they have no residual:
# not an unknown one, nor (as postStratify has it) that of a weight of one.
without_zero_weights <- function(design) {
  smallest <- .Machine$double.xmin
  design$postStrata <- if (!is.null(design$postStrata)) lapply(design$postStrata, function(part) {
    if (inherits(part, "greg_calibration")) {
      part$w[part$w == 0] <- smallest
    } else if (inherits(part, "raking")) {
      for (i in seq_along(part)) {
        weight <- attr(part[[i]], "weights")
        attr(part[[i]], "weights")[weight == 0] <- smallest
      }
    } else {
      attr(part, "weights")[attr(part, "weights") == 0] <- smallest
    }
    part
  })
  design
}

# The linearised item of each record (rows x columns) less its regression on the controls: what
# svyrecvar squares. Without calibration it is the item itself.
calibrated_scores <- function(scores, design) {
  scores <- as.matrix(scores)
  for (part in design$postStrata) {
    if (inherits(part, "greg_calibration")) {
      scores <- as.matrix(qr.resid(part$qr, scores / part$w) * part$w)
    } else if (inherits(part, "raking")) {
      for (round in 1:10) {
        for (margin in part) {
          weight <- attr(margin, "weights")
          scores <- scores - weight * apply(scores / weight, 2, ave, margin)
        }
      }
    } else {
      weight <- attr(part, "weights")
      before <- attr(part, "oldweights")
      group <- as.integer(part)
      means <- rowsum(scores * before / weight, group) / as.vector(rowsum(before, group))
      scores <- scores - means[match(group, sort(unique(group))), ] * weight
    }
  }
  scores
}

# Groups of crossed columns in which every group has at least `least` records: a cell that is too
# small joins the next one within equal leading columns, the last ones the one before; where all
# of those are too small together, one leading column less is shared, and so on.
#
# columns:  list of factors, the one that is collapsed first last
# weight:   records without a weight do not count
# Returns the group of each record, 1 to the number of groups.
control_groups <- function(columns, weight, least = 5) {
  places <- do.call(cbind, lapply(columns, as.integer))
  if (anyNA(places)) stop("a control column is missing for some records")
  key <- do.call(paste, as.data.frame(places))
  first <- which(!duplicated(key))
  first <- first[do.call(order, as.data.frame(places[first, , drop = FALSE]))]
  cells <- places[first, , drop = FALSE]
  cases <- as.vector(table(factor(key[weight > 0], key[first])))
  groups <- as.list(seq_along(first))
  for (shared in rev(seq_len(ncol(cells)) - 1)) {
    leading <- vapply(groups, function(group) {
      paste(cells[group[1], seq_len(shared)], collapse = " ")
    }, "")
    blocks <- split(groups, factor(leading, unique(leading)))
    groups <- unlist(unname(lapply(blocks, join_small, cases, least)), recursive = FALSE)
  }
  group_of_cell <- rep(seq_along(groups), lengths(groups))[order(unlist(groups))]
  group_of_cell[match(key, key[first])]
}

join_small <- function(groups, cases, least) {
  done <- list()
  open <- integer()
  for (group in groups) {
    open <- c(open, group)
    if (sum(cases[open]) >= least) {
      done[[length(done) + 1]] <- open
      open <- integer()
    }
  }
  if (length(open) > 0 && length(done) > 0) {
    done[[length(done)]] <- c(done[[length(done)]], open)
  } else if (length(open) > 0) {
    done[[1]] <- open
  }
  done
}
