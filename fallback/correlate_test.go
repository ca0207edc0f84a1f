package fallback

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
)

// hideRuns lets GitHub's lists of runs stay empty from the first dispatch on,
// and shows a run only so many times; shown < 0: always.
func (b *bench) hideRuns(shown int) {
	hide := false
	b.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		hide = hide || strings.HasSuffix(r.URL.Path, "/dispatches")
		switch {
		case !hide || r.Method != http.MethodGet:
			return false
		case strings.HasSuffix(r.URL.Path, "/runs"):
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"total_count":0,"workflow_runs":[]}`))
			return true
		case !strings.Contains(r.URL.Path, "/actions/runs/1"), shown < 0:
			return false
		case shown == 0:
			w.WriteHeader(http.StatusNotFound)
			return true
		}
		shown--
		return false
	})
}

// A run whose webhook has come counts, whatever GitHub's lists show: what it
// does is not done again.
func TestRecordedRunIsTheAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		flow config.Workflow
		lost githubtest.Fault
	}{
		"dispatch":            {config.Workflow{Recover: []config.Step{dispatch}}, githubtest.Fault{Operation: operation[kindDispatch], Kind: githubtest.Reset, AfterEffect: true}},
		"repository_dispatch": {config.Workflow{Recover: []config.Step{event, local}}, githubtest.Fault{}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newKnownBench(t, tc.flow)
			b.hideRuns(-1)
			if tc.lost.Operation != "" {
				b.gh.Fault(tc.lost)
			}
			b.fail("failure")
			b.pass(10 * time.Second)
			x := b.dispatched()[0]
			if err := x.Progress(); err != nil {
				t.Fatal(err)
			}
			b.observe(x.ID)
			b.pass(5 * time.Minute) // every workflow that listens is given its time
			b.want(Verifying)
			b.end(x, "success")
			b.observe(x.ID)
			b.want(Recovered)
			b.pass(20 * time.Minute)
			if n := len(b.dispatched()) + b.actions.count(); n != 1 {
				t.Errorf("the work was begun %d times", n)
			}
		})
	}
}

// So does one that GitHub does not show any more: that it was started is known,
// and what it has done is not.
func TestRecordedRunIsGone(t *testing.T) {
	b := newKnownBench(t, config.Workflow{Recover: []config.Step{dispatch}})
	b.hideRuns(1) // for its webhook
	b.gh.Fault(githubtest.Fault{Operation: operation[kindDispatch], Kind: githubtest.Reset, AfterEffect: true})
	x := b.run(primaryPath, "push", "failure")
	b.observe(x.ID)
	b.pass(10 * time.Second)
	b.observe(b.dispatched()[0].ID)
	b.pass(20 * time.Minute)
	inc := b.want(InDoubt)
	if n := len(b.dispatched()); n != 1 || !strings.Contains(inc.Reason, "is gone, and its evidence with it") {
		t.Errorf("%d dispatches: %s", n, inc.Reason)
	}
}

// A run that the guard has told to do the work of a dispatch that is under way
// is that dispatch's run, although it turns out that somebody else has started it.
func TestGrantedRunIsTheAnswer(t *testing.T) {
	again := config.Step{Dispatch: &config.Dispatch{Workflow: primaryPath, Ref: "main"}}
	b, tick := newTickBench(t, config.Workflow{Recover: []config.Step{again}, Effect: config.Guarded})
	b.gh.Fault(githubtest.Fault{Operation: operation[kindDispatch], Kind: githubtest.Reset})
	login := ""
	b.engine.BotLogin = func() string { return login }
	b.until(tick.Add(62 * time.Minute))
	b.want(Recovering)
	x := b.begun("workflow_dispatch")
	b.wantGrant(b.guard(x), true, 1, "incident:1")
	login = "redundancy[bot]"
	b.pass(20 * time.Minute)
	b.want(Verifying)
	b.end(x, "success")
	b.observe(x.ID)
	b.want(Recovered)
	if n := len(b.dispatched()); n != 0 {
		t.Errorf("dispatched %d times", n)
	}
}
