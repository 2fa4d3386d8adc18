# R code that stands in a chapter of the report. It runs in the global environment, as at a console;
# what it leaves there is read by name. Nothing is printed: the publication rules decide what of it
# may be shown.

run_code <- function(code) {
  for (expression in parse(text = code, keep.source = FALSE)) {
    eval(expression, globalenv())
  }
  invisible(NULL)
}

# Give the code a data frame. Columns are vectors of one length, in the order of their names.
hand_over <- function(name, columns, names) {
  names(columns) <- names
  assign(name, as.data.frame(columns, stringsAsFactors = FALSE), globalenv())
  invisible(NULL)
}

# A `svystat` of the shares of an item, such as svymean(~item, design): its levels with estimate and
# standard error. R puts the item's name before each level.
shares_of <- function(name, item) {
  found <- get(name, globalenv())
  list(
    category = substring(names(coef(found)), nchar(item) + 1),
    estimate = as.numeric(coef(found)),
    se = as.numeric(SE(found))
  )
}
