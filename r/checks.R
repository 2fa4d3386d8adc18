# Checks of the columns of a file before anything is estimated, each with one error that names the
# column and the first rows that break it, with their keys: what lfsmig/survey/columns.py and
# stages.py say in Python.

lonely_rules <- c("fail", "remove", "certainty", "adjust", "average")

# The first three of the rows where `bad` holds, counted from 1, and how many there are. Key columns
# are those of the plan (`keys` of its design) that the file has.
rows_text <- function(frame, bad) {
  rows <- which(bad)
  first <- utils::head(rows, 3)
  shown <- as.character(first)
  keys <- attr(frame, "keys")
  if (length(keys) > 0) {
    parts <- lapply(keys, function(key) paste(key, frame[[key]][first]))
    shown <- paste0(shown, " (", do.call(paste, c(parts, sep = ", ")), ")")
  }
  if (length(rows) == 1) {
    return(paste("row", shown))
  }
  more <- if (length(rows) > 3) paste0(", ... (", length(rows), " in all)") else ""
  paste0("rows ", toString(shown), more)
}

# A column of numbers; an empty field is missing.
as_number <- function(frame, name) {
  text <- frame[[name]]
  value <- suppressWarnings(as.numeric(text))
  bad <- is.na(value) & !is.na(text) & !tolower(text) %in% c("nan", "na")
  if (any(bad)) {
    stop("column '", name, "' holds text ('", text[which(bad)[1]], "' in ", rows_text(frame, bad), ")")
  }
  refuse(frame, is.infinite(value), "column '", name, "' is infinite")
  value
}

refuse <- function(frame, bad, ...) {
  if (any(bad)) stop(..., " in ", rows_text(frame, bad), call. = FALSE)
}

sampling_weight <- function(frame, name) {
  weight <- as_number(frame, name)
  refuse(frame, is.na(weight), "weight column '", name, "' is missing")
  refuse(frame, weight < 0, "weight column '", name, "' is negative")
  if (all(weight == 0)) {
    stop("weight column '", name, "' is zero in every one of ", length(weight), " rows", call. = FALSE)
  }
  weight
}

# Stratum and PSU of each record: none is missing, no PSU lies in two strata.
check_units <- function(frame, strata, psu) {
  refuse(frame, is.na(frame[[strata]]), "stratum column '", strata, "' is missing")
  refuse(frame, is.na(frame[[psu]]), "PSU column '", psu, "' is missing")
  first <- !duplicated(frame[c(strata, psu)])
  twice <- frame[[psu]][first][duplicated(frame[[psu]][first])]
  if (length(twice) > 0) {
    shared <- first & frame[[psu]] == twice[1]
    stop("PSU column '", psu, "': '", twice[1], "' is in strata ",
      toString(frame[[strata]][shared]), " (", rows_text(frame, shared), ")", call. = FALSE)
  }
}

# Tables of too many rows, as lfsmig/survey/columns.py and crossing.py count them.
max_levels <- 10000
max_rows <- 1e6

refuse_too_many <- function(columns, names) {
  levels <- vapply(columns, nlevels, 1L)
  for (i in which(levels > max_levels)) {
    stop("column '", names[i], "' has more than the ", max_levels, " different values that cells or ",
      "categories may come from: it is an identifier or an amount and no classification")
  }
  if (prod(as.numeric(levels)) > max_rows) {
    stop("columns ", paste0(names, " (", levels, ")", collapse = " x "), " cross to more than the ",
      format(max_rows, scientific = FALSE), " rows that a table may have")
  }
}

# Items that the statistic cannot be made of, in the records of the restricted design.
check_values <- function(frame, name, statistic, value, over, restricted) {
  wrong <- if (statistic == "rate" && is.null(over)) !value %in% c(0, 1) else
    statistic %in% c("gini", "top_share") & value < 0
  wrong <- wrong & !is.na(value) & seq_along(value) %in% design_rows(restricted)
  what <- if (statistic == "rate") "is neither 0 nor 1" else "is negative"
  refuse(frame, wrong, "item column '", name, "' ", what)
}

# What survey says of a stratum with one PSU under the rule `fail`, with the column and its rows.
explained <- function(words, frame, strata) {
  found <- regmatches(words, regexec("^Stratum \\((.*)\\) has only one PSU at stage 1$", words))[[1]]
  if (length(found) < 2) {
    return(words)
  }
  paste0("stratum column '", strata, "': ", words, " (", rows_text(frame, frame[[strata]] == found[2]), ")")
}
