#!/usr/bin/env bash
# The measurements of docs/performance.md. Peers run in the same run; Probot
# and the payload come from npm, into .cache.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=$PWD/.cache/bench
mkdir -p "$cache/probot"
command -v npm >/dev/null || { echo 'bench: npm is missing; Probot is one of the peers' >&2; exit 2; }
cp internal/bench/probot/* "$cache/probot/"
(cd "$cache/probot" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
node --input-type=commonjs -e '
const examples = require(process.argv[1] + "/node_modules/@octokit/webhooks-examples/api.github.com/index.json");
process.stdout.write(JSON.stringify(examples.find((e) => e.name === "workflow_run").examples[0]));
' "$cache/probot" >"$cache/workflow_run.json"

echo '## Webhooks'
go build -trimpath -o "$cache/bench" ./internal/bench
"$cache/bench" -binary ./redundancy -probot "$cache/probot" -payload "$cache/workflow_run.json" "$@"

echo
echo '## The schedule clock'
go run ./internal/bench/clock

echo
echo '## Recorded lateness, replayed'
go test -count=1 -v -run Replay ./fallback/schedule

echo
echo '## Go benchmarks'
go test -run '^$' -bench . -benchmem ./checks/... ./fallback/failure ./handlers/... ./intake/... ./queue/... ./store/...
