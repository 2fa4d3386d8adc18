# Flows of areas as rows: every person in the area of now, and movers a second time in the area that
# they left. The flow items are columns of 0, 1 and -1, and sums by area are the flows. Sums by
# sampling unit are those of the records, and so are the variances.

# frame:   analysis frame, columns as text; level: column of the area, such as "province"
# places:  codes of the areas that count
# columns: what else each row keeps (design, populations, conditions)
stacked_flows <- function(frame, level, places, columns) {
  now <- frame[[level]]
  before <- frame[[paste0("previous_", level)]]
  recent <- suppressWarnings(as.numeric(frame$recent_internal))
  moved <- !is.na(recent) & recent == 1 & !is.na(now) & !is.na(before) & before %in% places &
    now != before
  left <- which(moved)
  gone <- rep(c(0, 1), c(nrow(frame), length(left)))
  came <- c(as.numeric(moved), rep(0, length(left)))
  rows <- frame[c(seq_len(nrow(frame)), left), unique(columns), drop = FALSE]
  rows[[level]] <- c(now, before[left])
  items <- list(
    in_migration = came, out_migration = gone, net_migration = came - gone,
    gross_migration = came + gone, residents = 1 - gone
  )
  for (name in names(items)) rows[[name]] <- items[[name]]
  rows
}

# A table of the plan whose flow is stacked: one pass for all areas. Weights count as design weights
# (see PARITY.md).
stacked_table <- function(table, frame, plan) {
  level <- table$flow$by
  plan$design$calibration <- NULL
  wanted <- c(
    setdiff(unlist(table$population), "all"), unlist(table$where), "year",
    unlist(plan$design[c("strata", "psu", "weight")]),
    intersect(unlist(plan$design$keys), names(frame))
  )
  rows <- stacked_flows(frame, level, unlist(plan$categories[[level]]), wanted)
  attr(rows, "keys") <- attr(frame, "keys")
  design <- make_design(rows, plan$design, plan$categories)
  keep <- is_one(rows, table$population) & is_one(rows, table$where)
  table$by <- list(level)
  table$flow <- NULL
  one_table(table, rows, plan, restrict(design, keep))
}
