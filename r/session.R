# How the Python side calls: one function, which never prints and never stops. The condition
# comes back as text, because an error's own call would hold whole data columns.

answer <- function(name, arguments) {
  tryCatch(
    list(value = suppressMessages(suppressWarnings(do.call(name, arguments, quote = TRUE)))),
    error = function(condition) list(error = conditionMessage(condition))
  )
}

# Text is ordered by code and messages are in English, whatever the machine's locale.
fix_locale <- function() {
  for (category in c("LC_COLLATE", "LC_TIME", "LC_MONETARY", "LC_NUMERIC")) {
    suppressWarnings(Sys.setlocale(category, "C"))
  }
  Sys.setenv(LANGUAGE = "en")
  invisible(NULL)
}

# Factors arrive as codes from 1 with their levels; the class must be set inside R (set from
# outside, R does not see it and takes the codes as numbers).
encoded_factor <- function(codes, levels, ordered = FALSE) {
  structure(codes, levels = levels, class = c(if (ordered) "ordered", "factor"))
}
