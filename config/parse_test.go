package config

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

const example = `# yaml-language-server: $schema=https://example.net/redundancy.schema.json
version: 1
workflows:
  - file: marketing-sync.yml            # bare name or .github/workflows/… path
    schedule: {grace: 15m, deadline: 60m, catchup: latest}   # cron and timezone come from the workflow itself
    stall: {queued: 15m, running: 30m}
    effect: at_most_once                 # idempotent | guarded | at_most_once (the default)
    recover:                             # tried in this order, each verified by evidence
      - rerun: {attempts: 1, when: [infrastructure]}
      - dispatch: {workflow: marketing-sync-fallback.yml, ref: main, inputs: {reason: failed}}
      - repository_dispatch: {event_type: marketing-sync-fallback}
      - run: {host: home, action: marketing-sync, timeout: 10m}
      - workflow_at_home: {host: home}
    breaker: {failures: 5, cooldown: 5m}
    notify: [ops]
  - file: sync-health.yml
    recover: [{run: {host: local, action: git-sync}}]
hosts:
  home: {pm2: true, git: true, netlify: true, build: true}
validate: {ignore: ["SC2086"], paths: {".github/workflows/legacy-*.yml": {ignore: [".*"]}}}
notify: {ops: {url: "env:OPS_NOTIFY_URL"}}
`

func TestSmoke(t *testing.T) {
	r, f := ParseRepository(RepositoryPath, []byte(example))
	for _, x := range f {
		t.Log(x)
	}
	b, err := yaml.Marshal(r)
	t.Log(string(b), err)
	r2, f := ParseRepository(RepositoryPath, b)
	t.Log(f, cmp.Diff(r, r2))
	b, _ = json.Marshal(r)
	t.Log(string(b))
	r2, f = ParseRepository(RepositoryPath, b)
	t.Log(f, cmp.Diff(r, r2))
	_, f = ParseRepository("x", []byte(`version: 2
workflws: []
workflows:
  - file: ../x.yml
    effect: at_most
    recovr: []
    schedule:
    stall: {queued: 15}
    recover:
    - rerun: {attempts: 0}
      dispatch: {}
    - foo: {}
    - {}
    - bar
    - run: {host: hoem, action: "a b"}
  - file: a
  - file: a.yml
    notify: [opps, 3]
  - file: .github/workflows/a.yml
    file: b.yml
    schedule: {grace: 2h, deadline: 1h}
hosts: {home: {pm2: yes}, "": {}}
validate: {ignore: ["("]}
notify: {ops: {url: "https://x/y"}}
`))
	for _, x := range f {
		t.Log(x)
	}
	_ = os.Stdout
	_ = strings.Repeat
}
