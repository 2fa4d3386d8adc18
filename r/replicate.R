# Estimates of a year by R alone, without Python:
#
#   Rscript r/replicate.R --data FILE.csv.gz --indicators FILE.json --out FILE.json
#                         [--replicates FILE.csv.gz]
#
# FILE.csv.gz     the analysis frame of one year, one row per person, UTF-8, missing values empty
# indicators      the tables to make: see r/PARITY.md for its keys
# replicates      bootstrap multipliers of the PSUs: FILE.replicates.csv.gz beside the data unless
#                 named; without them indices of flows are left out
# out             {"schema_version":1,"results":[one object per cell]}
#
# Exit code 0 done, 2 bad input, 3 a package is missing. One line on stderr says why.

fail <- function(status, ...) {
  message("replicate.R: ", paste0(...))
  quit(save = "no", status = status)
}

script_folder <- function() {
  file <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
  if (length(file) == 0) "r" else dirname(normalizePath(file[1]))
}

read_arguments <- function(arguments) {
  wanted <- c("data", "indicators", "out")
  usage <- paste(
    "Rscript r/replicate.R --data FILE.csv.gz --indicators FILE.json --out FILE.json",
    "[--replicates FILE.csv.gz]"
  )
  named <- list()
  while (length(arguments) > 0) {
    name <- sub("^--", "", arguments[1])
    if (!grepl("^--", arguments[1]) || !name %in% c(wanted, "replicates") || length(arguments) < 2) {
      fail(2, "cannot read argument '", arguments[1], "'; usage: ", usage)
    }
    named[[name]] <- arguments[2]
    arguments <- arguments[-(1:2)]
  }
  missing <- setdiff(wanted, names(named))
  if (length(missing) > 0) fail(2, "--", missing[1], " is not given; usage: ", usage)
  for (name in intersect(c("data", "indicators", "replicates"), names(named))) {
    if (!file.exists(named[[name]])) fail(2, "--", name, ": no file ", named[[name]])
  }
  named
}

# Columns that one table uses.
table_columns <- function(table) {
  if (table$statistic == "index") {
    return(c(
      setdiff(unlist(table$population), "all"), unlist(table$where), "recent_internal",
      paste0(c("", "previous_"), table$level)
    ))
  }
  if (is_stacked(table)) {
    return(c(
      setdiff(unlist(table$population), "all"), unlist(table$where), "recent_internal",
      paste0(c("", "previous_"), table$flow$by)
    ))
  }
  c(
    setdiff(unlist(table$population), "all"), unlist(table[c("where", "of", "over", "by")]),
    unlist(table$flow[c("of", "over")])
  )
}

# A flow without columns of its own: movers are put into rows (flows.R).
is_stacked <- function(table) !is.null(table$flow) && is.null(table$flow$of)

# Columns the tables and the design use.
needed_columns <- function(plan) {
  from_tables <- lapply(plan$tables, table_columns)
  unique(c("year", unlist(plan$design[c("strata", "psu", "weight", "calibration")]), unlist(from_tables)))
}

# The plan without the tables of items that the year's survey did not ask; each is named once.
askable <- function(plan, present, multiplied) {
  index <- vapply(plan$tables, function(table) table$statistic == "index", TRUE)
  if (any(index) && !multiplied) {
    message("replicate.R: ", sum(index), " indices of flows left out: they need --replicates, a ",
      "file that `lfsmig run` writes beside the data")
    plan$tables <- plan$tables[!index]
  }
  absent <- lapply(plan$tables, function(table) setdiff(table_columns(table), present))
  gone <- lengths(absent) > 0
  names <- vapply(plan$tables[gone], function(table) table$indicator, "")
  for (i in which(!duplicated(names))) {
    message("replicate.R: ", names[i], " left out: no column '", absent[gone][[i]][1], "'")
  }
  plan$tables <- plan$tables[!gone]
  if (length(plan$tables) == 0) stop("no table can be made of the columns there are")
  plan
}

# Of a file that is cut off R only warns, and the numbers of half a year would look like a year's.
reading <- function(path, expression) {
  withCallingHandlers(expression, warning = function(condition) {
    stop(basename(path), " is damaged or cut off (", conditionMessage(condition), "); copy it again")
  })
}

# One year's records, all of them: `records` of the plan says how many each year has.
check_records <- function(frame, plan, path) {
  year <- unique(frame$year)
  if (length(year) != 1 || is.na(year)) {
    stop(basename(path), " must hold one year in column 'year', found ", toString(year))
  }
  wanted <- plan$records[[year]]
  if (!is.null(wanted) && wanted != nrow(frame)) {
    stop(basename(path), " holds ", nrow(frame), " records, but ", year, " has ", wanted,
      ": the file is cut off or of another run; copy it again with its indicators.json")
  }
}

column_names <- function(path) {
  connection <- gzfile(path, open = "r", encoding = "UTF-8")
  on.exit(close(connection))
  gsub('"', "", strsplit(readLines(connection, 1), ",")[[1]])
}

# Every column is read as text: codes such as "01" keep their zeros. Only an empty field is
# missing ("NA" may be a code). `keys` name a record in messages, where the file has them.
read_frame <- function(path, needed, keys = NULL) {
  # The text is marked as UTF-8, not converted: a machine's own encoding may lack its letters.
  read <- function(...) {
    frame <- read.csv(gzfile(path), check.names = FALSE, encoding = "UTF-8", ...)
    names(frame) <- `Encoding<-`(names(frame), "UTF-8")
    frame
  }
  names <- names(read(nrows = 1, colClasses = "character"))
  absent <- setdiff(needed, names)
  if (length(absent) > 0) stop("column '", absent[1], "' is not in ", basename(path))
  kinds <- ifelse(names %in% c(needed, keys), "character", "NULL")
  frame <- read(na.strings = "", stringsAsFactors = FALSE, colClasses = kinds)
  attr(frame, "keys") <- intersect(keys, names)
  frame
}

is_one <- function(frame, name) {
  if (is.null(name) || identical(name, "all")) {
    return(rep(TRUE, nrow(frame)))
  }
  value <- as_number(frame, name)
  !is.na(value) & value == 1
}

# Text in the order of its letters' codes, in every locale.
by_code <- function(text) sort(text, method = "radix")

# Codes in the order given, those observed only; without an order, sorted as text.
as_codes <- function(frame, name, categories) {
  seen <- unique(frame[[name]][!is.na(frame[[name]])])
  order <- unlist(categories[[name]])
  if (is.null(order)) order <- by_code(seen)
  unknown <- setdiff(seen, order)
  if (length(unknown) > 0) {
    where <- rows_text(frame, frame[[name]] %in% unknown[1])
    stop("column '", name, "' holds code '", unknown[1], "', which categories does not list, in ", where)
  }
  factor(frame[[name]], levels = order[order %in% seen])
}

make_design <- function(frame, design, categories) {
  if (is.null(design$lonely_psu)) design$lonely_psu <- "adjust"
  if (!design$lonely_psu %in% lonely_rules) {
    stop("lonely_psu '", design$lonely_psu, "' is not known; use one of ", toString(lonely_rules))
  }
  check_units(frame, design$strata, design$psu)
  use_lonely_rule(design$lonely_psu)
  stratum <- as_codes(frame, design$strata, NULL)
  psu <- as_codes(frame, design$psu, NULL)
  weight <- sampling_weight(frame, design$weight)
  made <- stratified_design(weight, stratum, list(as.integer(psu)))
  if (length(design$calibration) == 0) {
    return(made)
  }
  # The weights are the office's, calibrated to these groups: only the variance changes.
  columns <- lapply(unlist(design$calibration), function(name) as_codes(frame, name, categories))
  group <- factor(control_groups(columns, weight))
  calibrated_design(made, "poststratified", list(
    list(codes = group, totals = as.vector(tapply(weight, group, sum)))
  ))
}

# One table of the plan: a data frame of results.
make_table <- function(table, frame, plan, restricted) {
  if (is.null(table$flow)) {
    return(one_table(table, frame, plan, restricted))
  }
  if (is_stacked(table)) {
    return(stacked_table(table, frame, plan))
  }
  # A flow item is another column for each place: one estimate per place.
  codes <- names(table$flow$of)
  parts <- lapply(codes, function(code) {
    part <- table
    part$of <- table$flow$of[[code]]
    part$over <- table$flow$over[[code]]
    part$by <- list()
    found <- one_table(part, frame, plan, restricted)
    found$domain <- domain_text(setNames(list(code), table$flow$by))
    found
  })
  do.call(rbind, parts)
}

one_table <- function(table, frame, plan, restricted) {
  statistic <- if (table$statistic == "median") "quantile" else table$statistic
  by <- lapply(unlist(table$by), function(name) as_codes(frame, name, plan$categories))
  of <- if (is.null(table$of)) NULL
  else if (statistic == "share") as_codes(frame, table$of, plan$categories)
  else as_number(frame, table$of)
  over <- if (is.null(table$over)) NULL else as_number(frame, table$over)
  if (!is.null(table$winsorise_at)) of <- winsorised(of, restricted, table$winsorise_at)
  categories <- if (statistic == "share") list(of)
  refuse_too_many(c(by, categories), c(unlist(table$by), if (statistic == "share") table$of))
  if (is.numeric(of)) check_values(frame, table$of, statistic, of, over, restricted)
  # Only rates and ratios have a unit of so many persons.
  per <- if (statistic %in% c("rate", "ratio")) as.numeric(c(table$per, 1)[1]) else 1
  found <- suppressWarnings(estimate_table(restricted, statistic, of, over, by,
    per = per, top = as.numeric(c(table$top, 0.1)[1])
  ))
  if (length(found$estimate) == 0) {
    return(NULL)
  }
  categories <- if (statistic == "share" && nlevels(of) > 0) levels(of) else ""
  cells <- cell_labels(by, unlist(table$by), categories)
  data.frame(
    year = as.integer(frame$year[1]), indicator = table$indicator, domain = cells$domain,
    category = cells$category, statistic = table$statistic, unit = c(table$unit, "")[1],
    engine = "r", estimate = found$estimate, se = found$se, cv = found$cv, df = found$df,
    ci_low = found$ci_low, ci_high = found$ci_high, n = found$n, n_psu = found$n_psu,
    deff = found$deff, n_cases = found$cases
  )
}

# Domain and category of each row, in the order of estimate_table.
cell_labels <- function(by, names, categories) {
  # expand.grid varies its first column fastest, tables their last.
  grid <- rev(expand.grid(rev(lapply(by, levels)), stringsAsFactors = FALSE))
  domains <- if (length(by) == 0) {
    "{}"
  } else {
    apply(as.matrix(grid), 1, function(codes) domain_text(setNames(as.list(codes), names)))
  }
  list(
    domain = rep(domains, each = length(categories)),
    category = rep(categories, times = length(domains))
  )
}

domain_text <- function(codes) {
  as.character(jsonlite::toJSON(codes[by_code(names(codes))], auto_unbox = TRUE))
}

# Indices of flows of the plan, those of one population and level together.
make_indices <- function(tables, frame, plan, multipliers) {
  one <- tables[[1]]
  keep <- is_one(frame, one$population) & is_one(frame, one$where)
  # Places nobody lives in are places all the same.
  places <- unlist(plan$categories[[one$level]])
  found <- index_tables_of_plan(
    tables, as_number(frame, plan$design$weight), frame[[plan$design$strata]],
    frame[[plan$design$psu]], factor(frame[[one$level]], levels = places),
    frame[[paste0("previous_", one$level)]], is_one(frame, "recent_internal"), keep, multipliers
  )
  of_tables <- function(name) vapply(tables, `[[`, "", name)
  data.frame(
    year = as.integer(frame$year[1]), indicator = of_tables("indicator"), domain = "{}",
    category = "", statistic = "index", unit = of_tables("unit"), engine = "r",
    estimate = found$estimate, se = found$se, cv = found$cv, df = found$df,
    ci_low = found$ci_low, ci_high = found$ci_high, n = found$n, n_psu = found$n_psu,
    deff = found$deff, n_cases = found$cases
  )
}

replicate_year <- function(frame, plan, multipliers = NULL) {
  index <- vapply(plan$tables, function(table) table$statistic == "index", TRUE)
  kind <- vapply(plan$tables[index], function(table) {
    paste(table$population, c(table$where, "")[1], table$level)
  }, "")
  indices <- lapply(split(plan$tables[index], kind), make_indices, frame, plan, multipliers)
  plan$tables <- plan$tables[!index]
  design <- make_design(frame, plan$design, plan$categories)
  held <- list()
  results <- lapply(plan$tables, function(table) {
    key <- paste(c(table$population, "all")[1], table$where)
    if (is.null(held[[key]])) {
      keep <- is_one(frame, table$population) & is_one(frame, table$where)
      held[[key]] <<- restrict(design, keep)
    }
    tryCatch(make_table(table, frame, plan, held[[key]]), error = function(condition) {
      words <- explained(conditionMessage(condition), frame, plan$design$strata)
      stop("table ", table$indicator, ": ", words, call. = FALSE)
    })
  })
  do.call(rbind, c(results, unname(indices)))
}

write_results <- function(results, path) {
  if (is.null(results)) results <- list()
  text <- jsonlite::toJSON(list(schema_version = 1L, results = results),
    auto_unbox = TRUE, digits = NA, na = "null", dataframe = "rows"
  )
  part <- paste0(path, ".part")
  writeLines(enc2utf8(text), part, useBytes = TRUE)
  if (!file.rename(part, path)) stop("cannot write ", path)
}

main <- function() {
  arguments <- read_arguments(commandArgs(TRUE))
  for (package in c("survey", "jsonlite")) {
    if (!requireNamespace(package, quietly = TRUE)) {
      fail(3, "R's package ", package, " is missing: apt-get install r-cran-", package)
    }
  }
  folder <- script_folder()
  files <- c(
    "design.R", "replicates.R", "calibration.R", "intervals.R", "inequality.R", "estimate.R",
    "indices.R", "flows.R", "session.R", "checks.R"
  )
  for (file in files) {
    source(file.path(folder, file), encoding = "UTF-8")
  }
  fix_locale()
  tryCatch(
    {
      plan <- jsonlite::read_json(arguments$indicators)
      beside <- sub("\\.csv\\.gz$", ".replicates.csv.gz", arguments$data)
      given <- arguments$replicates
      if (is.null(given) && beside != arguments$data && file.exists(beside)) given <- beside
      plan <- askable(plan, reading(arguments$data, column_names(arguments$data)), !is.null(given))
      frame <- reading(arguments$data, read_frame(
        arguments$data, needed_columns(plan), unlist(plan$design$keys)
      ))
      check_records(frame, plan, arguments$data)
      multipliers <- if (!is.null(given)) reading(given, read_multipliers(given))
      write_results(replicate_year(frame, plan, multipliers), arguments$out)
    },
    error = function(condition) fail(2, gsub("\\s+", " ", conditionMessage(condition)))
  )
}

main()
