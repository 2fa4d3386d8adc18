#!/usr/bin/env bash
# The main job, behind `make report` and `make sample`: raw files to the report in both languages.
# usage: tools/report.sh sample|report SCALE
set -euo pipefail
cd "$(dirname "$0")/.."
job=$1 scale=$2
lfsmig=.venv/bin/lfsmig

make_sample() {
  # The stamp is written last and names what the sample was made from.
  local wanted
  wanted="scale $scale $(cat py/lfsmig/sample/*.py params/sample_*.yml params/report.yml | sha256sum)"
  if [ -f build/data/raw/SYNTHETIC.json ] && [ "$(cat build/data/raw/.made 2>/dev/null)" = "$wanted" ]; then
    echo "sample: build/data/raw is up to date" >&2
    return
  fi
  # Samples of different scales or models must not stand side by side; this folder is ours alone.
  # The new one takes the old one's place when it is complete.
  rm -rf build/data/raw.part
  "$lfsmig" sample --out build/data/raw.part --scale "$scale"
  printf '%s' "$wanted" >build/data/raw.part/.made
  # What was received from the old one went with it.
  rm -rf build/data/raw build/data/registry.yml
  mv build/data/raw.part build/data/raw
}

if [ "$job" = sample ]; then
  make_sample
  exit
fi
if compgen -G 'data/raw/*/*' >/dev/null; then
  data=data
else
  echo "report: no files in data/raw, so the report is made from the synthetic sample" >&2
  make_sample
  data=build/data
fi
engine=both
[ "${SETUP_R:-yes}" = no ] && engine=python
"$lfsmig" --data "$data" run --engine "$engine"
"$lfsmig" --data "$data" report
if [ "$data" != data ]; then
  echo "report: for more, such as .venv/bin/lfsmig trend: export LFSMIG_DATA=$data" >&2
fi
