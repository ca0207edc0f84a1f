package fallback

import (
	"context"
	"net/url"
	"testing"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/store"
)

// GitHub allows 50 re-runs of a run, people's included. Ours end at the tenth
// attempt.
func TestRerunsStayFarBelowTheLimit(t *testing.T) {
	for attempt, may := range map[int]bool{1: true, 9: true, 10: false, 11: false, 49: false} {
		sc := &scope{inc: &store.Incident{RunID: 7, RunAttempt: attempt, Signal: string(Failed), Conclusion: "failure"}}
		if why := (rerunStep{}).skip(nil, sc); (why == "") != may {
			t.Errorf("attempt %d: %q", attempt, why)
		}
	}
}

// askedLogs keeps the limits that it was asked with.
type askedLogs struct{ limits []int }

func (l *askedLogs) FetchLog(_ context.Context, _ *url.URL, limit int) ([]byte, bool, error) {
	l.limits = append(l.limits, limit)
	return []byte("##[error]no space left on device\n"), true, nil
}

// A log can be of any size; 8 MiB of it are read, and not for nothing.
func TestLogsAreReadWithinBounds(t *testing.T) {
	b := newBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	logs := &askedLogs{}
	b.engine.Logs = logs
	b.fail("failure", githubtest.Job{Name: "build", Conclusion: "failure", Steps: []githubtest.Step{{Name: "Sync", Conclusion: "failure"}}})
	if len(logs.limits) != 1 || logs.limits[0] != 8<<20 {
		t.Errorf("asked with limits of %v bytes", logs.limits)
	}
	if inc := b.only(); inc.ErrorLine == "" {
		t.Errorf("%+v", inc)
	}
}
