#!/usr/bin/env bash
# Sets up everything that is missing: system packages, .venv, fonts. `make setup` calls it.
# Exit 3: something is missing that only root may install; the commands are printed.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
say() { printf '%s\n' "setup: $*" >&2; }

# rpy2 builds against R. With R's own link line satisfied in part only, its build starts in API mode
# and then fails at the linker, so these headers come all together.
headers=(gcc libc6-dev python3-dev libpcre2-dev libblas-dev liblzma-dev libbz2-dev zlib1g-dev
  libtirpc-dev libicu-dev)
r_packages=(r-base-core r-cran-survey r-cran-jsonlite)
test_packages=(chromium r-cran-testthat poppler-utils librsvg2-bin locales)

missing_packages() {
  local package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' ||
      printf '%s ' "$package"
  done
}

tell_other_systems() {
  cat >&2 <<EOF
setup: on macOS:   brew install r && Rscript -e 'install.packages(c("survey","jsonlite","testthat"))'
setup: on Windows: winget install RProject.R, then in R: install.packages(c("survey","jsonlite"))
setup: without R:  SETUP_R=no make setup, then lfsmig run --engine python (no cross-check)
EOF
}

install_system() {
  local wanted=() missing
  [ "${SETUP_R:-yes}" = no ] || wanted+=("${r_packages[@]}" "${headers[@]}")
  [ "${SETUP_TESTS:-no}" = no ] || wanted+=("${test_packages[@]}")
  if ! command -v dpkg-query >/dev/null; then
    if [ "${SETUP_R:-yes}" = no ] || command -v Rscript >/dev/null; then return 0; fi
    say "R is missing and this is no Debian system"
    tell_other_systems
    exit 3
  fi
  missing=$(missing_packages "${wanted[@]}")
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    say "missing system packages; as root: apt-get install --no-install-recommends $missing"
    tell_other_systems
    exit 3
  fi
  say "installing $missing"
  export DEBIAN_FRONTEND=noninteractive
  local log
  log=$(mktemp)
  # shellcheck disable=SC2086  # one word per package
  if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1
  then
    tail -n 5 "$log" >&2
    say "apt-get could not install: $missing"
    exit 3
  fi
  rm -f "$log"
}

check_python() {
  "$python" - <<'EOF' || { say "Python 3.11 or later is needed: apt-get install python3.11-venv"; exit 3; }
import sys
import venv
sys.exit(sys.version_info < (3, 11))
EOF
}

install_python() {
  local stamp=.venv/.installed wanted
  wanted=$(cat requirements.lock pyproject.toml tools/setup.sh | sha256sum)$([ "${SETUP_R:-yes}" = no ] && echo -n no-r || true)
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && return 0
  check_python
  # A .venv whose making was interrupted has no pip, or no Python that starts.
  if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    say "making .venv"
    "$python" -m venv --clear .venv
  fi
  say "installing Python packages from requirements.lock (about a minute)"
  local lock=requirements.lock
  if [ "${SETUP_R:-yes}" = no ]; then
    lock=.venv/requirements-without-r.lock
    # A package of the lock is its line and the indented hashes below it.
    awk '/^[^ ]/ { skip = /^rpy2/ } !skip' requirements.lock >"$lock"
  fi
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
    -r "$lock"
  # setuptools writes the path of the clone in the locale's encoding and refuses Thai letters in ASCII.
  LC_ALL=C.UTF-8 .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
    --editable .
  # Python reads the path of the clone in the locale's encoding at every start: with Thai letters in
  # it, it would not start under LC_ALL=C. From the folder of the packages the way is plain ASCII.
  local link
  for link in .venv/lib/python3*/site-packages/__editable__.lfsmig-*.pth; do
    printf '../../../../py\n' >"$link"
  done
  printf '%s' "$wanted" >"$stamp"
}

try_quarto() {
  # The optional extra: its installer downloads Quarto from the project's release page, which many
  # networks do not reach. Tried once, never required.
  local stamp=.venv/.quarto-tried
  if command -v quarto >/dev/null || [ -f "$stamp" ] || [ "${SETUP_QUARTO:-yes}" = no ]; then return 0; fi
  say "trying the optional extra [quarto]"
  if timeout 60 .venv/bin/python -m pip install --quiet --disable-pip-version-check \
    --retries 0 --timeout 10 quarto-cli >/dev/null 2>&1; then
    say "Quarto installed"
  else
    say "Quarto cannot be had here; the built-in road renders the report"
  fi
  date >"$stamp"
}

install_fonts() {
  [ -f assets/fonts/Sarabun-Regular.ttf ] ||
    .venv/bin/python -c 'from pathlib import Path; from lfsmig.report.fonts import setup_fonts; setup_fonts(Path("."))'
}

install_system
install_python
install_fonts
try_quarto
