# What a bad file is refused with, before anything is estimated.

folder <- Sys.getenv("R_FOLDER", file.path("..", "..", "..", "r"))
source(file.path(folder, "design.R"), local = TRUE)
source(file.path(folder, "checks.R"), local = TRUE)

# As read_frame gives it: text, missing values NA, the key columns that there are.
frame_of <- function(...) {
  frame <- data.frame(..., hh = c("7", "7", "8", "9"), stringsAsFactors = FALSE)
  attr(frame, "keys") <- "hh"
  frame
}

test_that("a weight that is none is named with its rows", {
  expect_equal(sampling_weight(frame_of(w = c("1", "0", "2.5", "3")), "w"), c(1, 0, 2.5, 3))
  weights <- list(
    c("1", "-1", "2", "-3"), c("1", NA, "2", "3"), c("1", "Inf", "2", "3"), c("1", "x", "2", "3"),
    rep("0", 4)
  )
  words <- c(
    "weight column 'w' is negative in rows 2 (hh 7), 4 (hh 9)",
    "weight column 'w' is missing in row 2 (hh 7)", "column 'w' is infinite in row 2 (hh 7)",
    "column 'w' holds text ('x' in row 2 (hh 7))", "weight column 'w' is zero in every one of 4 rows"
  )
  for (i in seq_along(words)) {
    expect_error(sampling_weight(frame_of(w = weights[[i]]), "w"), words[i], fixed = TRUE)
  }
})

test_that("records without stratum or PSU, and a PSU in two strata, are named", {
  expect_silent(check_units(frame_of(s = c("a", "a", "b", "b"), p = c("1", "1", "2", "3")), "s", "p"))
  expect_error(check_units(frame_of(s = c("a", NA, "b", "b"), p = 1:4), "s", "p"),
    "stratum column 's' is missing in row 2 (hh 7)", fixed = TRUE)
  expect_error(check_units(frame_of(s = c("a", "a", "b", "b"), p = c("1", NA, NA, NA)), "s", "p"),
    "PSU column 'p' is missing in rows 2 (hh 7), 3 (hh 8), 4 (hh 9)", fixed = TRUE)
  expect_error(check_units(frame_of(s = c("a", "a", "b", "b"), p = c("1", "2", "2", "3")), "s", "p"),
    "PSU column 'p': '2' is in strata a, b (rows 2 (hh 7), 3 (hh 8))", fixed = TRUE)
})

test_that("tables of too many rows are refused before they are made", {
  many <- factor(seq_len(max_levels + 1))
  expect_error(refuse_too_many(list(many), "id"), "column 'id' has more than the 10000 different")
  expect_error(refuse_too_many(list(factor(1:2000), factor(1:2000)), c("a", "b")),
    "columns a (2000) x b (2000) cross to more than the 1000000 rows", fixed = TRUE)
  expect_silent(refuse_too_many(list(factor(1:3), NULL), c("a", NULL)))
})

test_that("items that a rate or a Gini coefficient cannot be made of are named in the domain", {
  frame <- frame_of(y = 1:4)
  domain <- list(variables = data.frame(row = 1:3))
  expect_error(check_values(frame, "y", "rate", c(0, 3, 1, 5), NULL, domain),
    "item column 'y' is neither 0 nor 1 in row 2 (hh 7)", fixed = TRUE)
  expect_error(check_values(frame, "y", "gini", c(0, 3, -1, -5), NULL, domain),
    "item column 'y' is negative in row 3 (hh 8)", fixed = TRUE)
  expect_silent(check_values(frame, "y", "rate", c(0, NA, 1, 5), NULL, domain))
})
