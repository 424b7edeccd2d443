#!/bin/sh
# The action's last step, after the reports were uploaded: end with the exit code of the run.
# EXIT_CODE and VERDICT are outputs of judge.sh; FAIL=false lets a job pass that is red or incomplete.
set -eu

case ${EXIT_CODE:-4} in
  0) exit 0 ;;
  1 | 3) [ "$FAIL" != false ] || { echo "::warning title=mcp-assay::$VERDICT (exit code $EXIT_CODE)" && exit 0; } ;;
esac
echo "::error title=mcp-assay::${VERDICT:-error} (exit code ${EXIT_CODE:-4})"
exit "${EXIT_CODE:-4}"
