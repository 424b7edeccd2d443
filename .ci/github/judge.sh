#!/bin/sh
# The action's first step: judge, and say how it ended in the outputs and in the job's summary. It fails nothing;
# end.sh does. The variables are those of .ci/gate, with SARIF and FAIL from the inputs of these names.
set -eu

here=$(dirname "$0")
reports=${MCP_ASSAY_REPORTS:-mcp-assay-reports}

checked() {
  case $2 in true | false) ;; *) echo "::error title=mcp-assay::input $1: true or false is wanted" && return 1 ;; esac
}

judge() {
  checked sarif "$SARIF" && checked fail "$FAIL" || return 2
  # What the target said is printed, and GitHub would take a line of it that starts with :: for a command.
  token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  echo "::stop-commands::$token"
  ended=0
  sh "$here/../gate" || ended=$?
  echo "::$token::"
  return $ended
}

verdict() {
  case $1 in 0) echo green ;; 1) echo red ;; 2) echo wrong-usage ;; 3) echo incomplete ;; *) echo error ;; esac
}

counts() {
  [ -f "$reports/report.json" ] || { echo '{}' && return; }
  "${MCP_ASSAY_PYTHON:-python3}" -c 'import json, sys; print(json.dumps(json.load(sys.stdin)["summary"]))' \
    <"$reports/report.json"
}

report() {
  [ ! -f "$reports/$2" ] || echo "$1=$reports/$2"
}

outputs() {
  echo "exit-code=$code"
  echo "verdict=$(verdict "$code")"
  echo "counts=$(counts)"
  report json report.json
  report junit junit.xml
  report sarif report.sarif
  report markdown report.md
  report html report.html
  report bundle bundle.zip
}

summary() {
  if [ -f "$reports/report.md" ]; then
    cat "$reports/report.md"
  else
    echo "**mcp-assay: $(verdict "$code")** (exit code $code). There is no report; the log says why."
  fi
}

code=0
judge || code=$?
[ "$code" -ne 2 ] || reports=/dev/null # wrong usage leaves no reports; what is there is an earlier run's
outputs >>"$GITHUB_OUTPUT"
summary >>"$GITHUB_STEP_SUMMARY"
