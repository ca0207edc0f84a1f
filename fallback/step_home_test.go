package fallback

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
)

// A step at home is skipped while no host is connected, and says what its
// preflight would find. What it finds, and whether it can look, decides nothing.
func TestHomeStepSaysWhatPreflightFinds(t *testing.T) {
	const (
		head         = "name: Marketing sync\non: {schedule: [{cron: '0 6 * * *'}]}\njobs:\n  build:\n    runs-on: ubuntu-latest\n"
		notConnected = `host "home" is not connected`
	)
	cases := map[string]struct {
		flow, reason, evidence string
		fault                  bool
	}{
		"nothing":  {head + "    steps: [{run: make}]\n", "; nothing in its file speaks against running it there", "", false},
		"services": {head + "    services: {db: {image: postgres}}\n    steps: [{run: make}]\n", "; at home it would be refused: services of job build are not started there", "services", false},
		"two":      {head + "    container: alpine\n    services: {db: {image: postgres}}\n    steps: [{run: make}]\n", "; at home it would be refused: the container of job build is not started there (and 1 more)", "container", false},
		"label":    {strings.Replace(head, "ubuntu-latest", "windows-latest", 1) + "    steps: [{run: make}]\n", "; nothing in its file speaks against running it there", "", false},
		"unread":   {head + "    services: {db: {image: postgres}}\n    steps: [{run: make}]\n", "; its file could not be read, to tell whether it could run there", "", true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, config.Workflow{Recover: []config.Step{{WorkflowAtHome: &config.WorkflowAtHome{Host: "home"}}}})
			if _, err := b.repo.Push("main", map[string]string{primaryPath: tc.flow}, "flow"); err != nil {
				t.Fatal(err)
			}
			if tc.fault {
				b.gh.Fault(githubtest.Fault{Operation: "repos/get-content", Kind: githubtest.Status, Code: 404})
			}
			b.fail("failure")
			inc := b.want(Exhausted)
			if got := inc.Steps[0]; got.State != "skipped" || got.Reason != notConnected+tc.reason {
				t.Errorf("%s: %q", got.State, got.Reason)
			}
			var told struct {
				Host    string
				Refused []struct{ Rule, Job, File string }
			}
			for _, ev := range inc.Timeline {
				if strings.Contains(ev.Reason, notConnected+tc.reason) && len(ev.Evidence) > 0 {
					if err := json.Unmarshal([]byte(ev.Evidence), &told); err != nil {
						t.Error(err)
					}
				}
			}
			if tc.evidence == "" {
				if told.Host != "" {
					t.Errorf("evidence %+v", told)
				}
				return
			}
			if told.Host != "home" || len(told.Refused) == 0 || told.Refused[0].Rule != tc.evidence || told.Refused[0].Job != "build" || told.Refused[0].File != primaryPath {
				t.Errorf("evidence %+v", told)
			}
		})
	}
}
