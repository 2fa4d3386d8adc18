# Survey-weighted regression by R's `svyglm`, with predictive margins and term tests.
#
# Records with a missing value or no weight are left out of the design beforehand, in both engines.

# How closely svyglm must converge (its own is 1e-8 of the deviance). A thousandth of it is the
# tolerance by which glm tells that a column depends on others, as where a replicate loses a level:
# much tighter, and rounding would pass for independence.
tight <- list(epsilon = 1e-11, maxit = 50)

# family: gaussian, binomial or poisson (with free dispersion, as svyglm recommends).
# terms:  text of the right side, its variables named as in `variables`
# variables: named list of columns of the full data, factors where they are categories;
#            `levels` gives for each factor the codes in use, the reference first (NULL: a number)
# offset: column on the link scale, or NULL
fit_regression <- function(design, keep, response, terms, variables, levels, family,
                           offset = NULL) {
  design <- restrict(design, keep[design_rows(design)])
  rows <- design_rows(design)
  items <- list(response = response[rows])
  for (name in names(variables)) {
    column <- variables[[name]][rows]
    items[[name]] <- if (is.factor(column)) factor(column, levels = levels[[name]]) else column
  }
  if (!is.null(offset)) {
    items$shift <- offset[rows]
    terms <- paste(terms, "+ offset(shift)")
  }
  design <- attach_items(design, like_inside(items, design))
  formula <- as.formula(paste("response ~", terms))
  chosen <- switch(family,
    gaussian = gaussian(), binomial = quasibinomial(), poisson = quasipoisson(),
    stop("family '", family, "' is not known")
  )
  # svyglm looks for its arguments by name from inside the package, so it is given values.
  call <- list(formula, design, family = chosen, control = tight)
  if (inherits(design, "svyrep.design")) call$return.replicates <- TRUE
  model <- with_treatment_contrasts(do.call(svyglm, call))
  refuse_separation(model, family)
  refuse_separated_replicates(model, family)
  if (family != "gaussian") {
    # The standard errors use the weights of the step before the last: five right digits by R's own
    # stopping rule. A fit that begins where the first ended has them all.
    model <- with_treatment_contrasts(do.call(svyglm, c(call, list(start = coef(model)))))
  }
  list(
    names = names(coef(model)), estimate = as.vector(coef(model)),
    covariance = as.vector(vcov(model)), df = model$df.residual, model = model
  )
}

# A calibrated design keeps the records outside a domain, with a weight of zero, because their
# residuals count. Their own values do not: they take those of the first record inside.
like_inside <- function(items, design) {
  outside <- as.vector(weights(design, "sampling")) == 0
  if (!any(outside)) {
    return(items)
  }
  lapply(items, function(values) {
    values[outside] <- values[which(!outside)[1]]
    values
  })
}

with_treatment_contrasts <- function(fitted) {
  old <- options(contrasts = c("contr.treatment", "contr.poly"))
  on.exit(options(old))
  fitted
}

# svyglm stops with coefficients that would have run on for ever, and warns at best.
refuse_separation <- function(model, family) {
  mu <- fitted(model)
  certain <- mu < 1e-9 | (family == "binomial" & mu > 1 - 1e-9)
  if (family != "gaussian" && any(certain)) {
    largest <- names(which.max(abs(coef(model)[-1])))
    stop("perfect separation: fitted values numerically 0 or 1 occurred (coefficient ", largest, ")")
  }
  if (!model$converged) stop("the ", family, " regression does not converge")
}

# A replicate in which the outcome is separated: svyglm makes a variance of coefficients that would
# have run on for ever, and does not even warn.
refuse_separated_replicates <- function(model, family) {
  if (is.null(model$replicates) || family == "gaussian") {
    return()
  }
  x <- model.matrix(model)
  shift <- if (is.null(model$offset)) 0 else model$offset
  used <- as.matrix(model$survey.design$repweights) > 0
  for (i in which(complete.cases(model$replicates))) {
    mu <- model$family$linkinv(as.vector(x %*% model$replicates[i, ]) + shift)[used[, i]]
    if (any(mu < 1e-9 | (family == "binomial" & mu > 1 - 1e-9))) {
      stop("perfect separation in replicate ", i, ": fitted values numerically 0 or 1 occurred")
    }
  }
}

# Wald test that some coefficients are zero: survey's regTermTest where they are whole terms.
test_terms <- function(model, terms) {
  found <- regTermTest(model, as.formula(paste("~", terms)))
  c(as.vector(found$Ftest), as.vector(found$p))
}

# Working likelihood ratio of the same: regTermTest(method = "LRT"), written out because that calls
# svyglm anew with the starting values of the larger model. A calibrated design keeps the records
# outside a domain with a weight of zero, and svyglm makes weights of mean 1 over all of them.
likelihood_ratio <- function(model, terms) {
  reduced <- update(formula(model), paste(". ~ . - (", terms, ")"))
  environment(reduced) <- globalenv()
  smaller <- with_treatment_contrasts(do.call(svyglm, list(
    reduced, model$survey.design, family = model$family, control = tight
  )))
  at <- !names(coef(model)) %in% names(coef(smaller))
  share <- mean(as.vector(weights(model$survey.design, "sampling")) != 0)
  chisq <- share * (deviance(smaller) - deviance(model))
  lambda <- share * eigen(solve(model$naive.cov[at, at]) %*% vcov(model)[at, at], only.values = TRUE)$values
  c(chisq, pFsum(chisq, rep(1, length(lambda)), Re(lambda),
    ddf = model$df.residual, method = "saddlepoint", lower.tail = FALSE
  ))
}

# Mean predictions with variables set to given values for everybody (predictive margins), and their
# gradients by the coefficients; the covariance is g' vcov(model) g.
#
# settings: list of named lists, variable -> a level (text) or a number
predictive_margins <- function(model, settings) {
  w <- as.vector(weights(model$survey.design, "sampling"))
  parts <- predictions(model, settings)
  list(
    estimate = vapply(parts, function(part) sum(w * part$mu) / sum(w), 1),
    gradient = as.vector(vapply(parts, function(part) {
      colSums(w * model$family$mu.eta(part$eta) * part$x) / sum(w)
    }, numeric(length(coef(model)))))
  )
}

# The design's covariance of the mean predictions, the coefficients taken as known: what
# svypredmeans adds because the other columns are a sample, too.
covariance_of_means <- function(model, settings) {
  fits <- vapply(
    predictions(model, settings), function(part) part$mu, numeric(nrow(model$survey.design))
  )
  as.vector(vcov(svymean(fits, model$survey.design)))
}

predictions <- function(model, settings) {
  frame <- model.frame(model$survey.design)
  lapply(settings, function(values) prediction(model, set_values(frame, values)))
}

set_values <- function(frame, values) {
  for (name in names(values)) {
    frame[[name]] <- if (is.factor(frame[[name]])) {
      factor(values[[name]], levels = levels(frame[[name]]))
    } else {
      values[[name]]
    }
  }
  frame
}

prediction <- function(model, frame) {
  right <- delete.response(terms(model))
  x <- with_treatment_contrasts(model.matrix(right, frame, xlev = model$xlevels))
  eta <- as.vector(x %*% coef(model))
  if (!is.null(frame$shift)) eta <- eta + frame$shift
  list(x = x, eta = eta, mu = model$family$linkinv(eta))
}

# Average of the predictions' derivatives by a number. The predictor is linear in each variable, so
# its derivative is its difference between 1 and 0.
average_slope <- function(model, name) {
  frame <- model.frame(model$survey.design)
  w <- as.vector(weights(model$survey.design, "sampling"))
  here <- prediction(model, frame)
  step <- prediction(model, set_values(frame, setNames(list(1), name)))$x -
    prediction(model, set_values(frame, setNames(list(0), name)))$x
  first <- model$family$mu.eta(here$eta)
  mu <- here$mu
  second <- switch(model$family$family,
    gaussian = 0 * mu, quasibinomial = mu * (1 - mu) * (1 - 2 * mu), quasipoisson = mu
  )
  slope <- as.vector(step %*% coef(model))
  list(
    estimate = sum(w * first * slope) / sum(w),
    gradient = colSums(w * (second * slope * here$x + first * step)) / sum(w)
  )
}
