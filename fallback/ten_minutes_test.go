package fallback

import (
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/failure"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/internal/githubtest"
)

// What a workflow looks after on the host, such as a process, is broken for ten
// minutes and then well. Restarting it helps nobody meanwhile: it is restarted a
// few times, not at each failure, and nothing is left to do once it is well.
func TestHostThatIsBrokenForTenMinutes(t *testing.T) {
	b := newBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{local}})
	job := githubtest.Job{Name: "health", Conclusion: "failure", Steps: []githubtest.Step{{Name: "Ask the process", Conclusion: "failure"}}, Log: "##[error]connection refused\n"}
	failures := 0
	look := func(conclusion string) {
		t.Helper()
		x := b.run(primaryPath, schedule.Event, conclusion, job)
		b.observe(x.ID)
		b.pass(time.Minute)
	}
	for range 10 {
		look("failure")
		failures++
	}
	for range int(failure.BackoffCap / time.Minute) {
		look("success")
	}
	if n := b.actions.count(); n < 1 || n > 3 {
		t.Errorf("restarted %d times for %d failures", n, failures)
	}
	list, err := b.engine.Incidents(b.ctx, Filter{All: true, Limit: 100})
	if err != nil || len(list) == 0 {
		t.Fatal(list, err)
	}
	for _, inc := range list {
		if inc.State != Recovered && inc.State != Healthy && inc.State != Superseded {
			t.Errorf("incident %d is %s: %s", inc.ID, inc.State, inc.Reason)
		}
	}
}
