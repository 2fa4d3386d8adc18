# A data frame from columns that Python passes one by one as plain vectors (lfsmig.survey.r_frame).
# Classes are set here and not from outside: R does not see a class that was set from outside.

# strings: the different strings, or all of them in one, cut by `separator`: passing them one by
# one takes ten times as long.
text_column <- function(codes, strings, separator = NULL) {
  if (!is.null(separator)) strings <- strsplit(strings, separator, fixed = TRUE)[[1]]
  strings[codes]
}

logical_column <- function(codes) as.logical(codes)

time_column <- function(seconds) {
  structure(seconds, class = c("POSIXct", "POSIXt"), tzone = "UTC")
}

whole_frame <- function(columns, names, rows) {
  structure(columns, names = names, row.names = .set_row_names(rows), class = "data.frame")
}
