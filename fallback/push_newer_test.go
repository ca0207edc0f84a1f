package fallback

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/githubapi"
)

// pushQuietly is a commit that starts nothing by its message, and of which the
// engine is told nothing.
func (b *bench) pushQuietly() {
	b.Helper()
	if _, err := b.repo.Push("main", map[string]string{"CHANGELOG": b.clock.Now().String()}, "chore: changelog [skip ci]"); err != nil {
		b.Fatal(err)
	}
}

// A push that starts nothing by design does not take the place of one that should have.
func TestPushThatStartsNothingTakesNoPlace(t *testing.T) {
	for name, after := range map[string]time.Duration{"before anybody looks": 3 * time.Minute, "while suspected": 10*time.Minute + time.Second} {
		t.Run(name, func(t *testing.T) {
			b := newPushBench(t, "push", config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
			sha := b.pushMain("feature")
			b.pass(after)
			b.pushQuietly()
			b.pass(40 * time.Minute)
			if inc := b.only(); inc.HeadSHA != sha || b.effects()[kindDispatch] != 1 {
				t.Errorf("commit %s, effects %v", inc.HeadSHA, b.effects())
			}
		})
	}
}

// Of two pushes that started nothing the newer one is recovered, and one behind
// which a run has started is not, whatever the head is by then.
func TestNewerPushBehindOneThatStartsNothing(t *testing.T) {
	t.Run("both are missed", func(t *testing.T) {
		b := newPushBench(t, "push", config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
		b.pushMain("one")
		b.pass(4 * time.Minute)
		sha := b.pushMain("two")
		b.pass(2 * time.Minute)
		b.pushQuietly()
		b.pass(2 * time.Hour)
		if n := b.effects()[kindDispatch]; n != 1 {
			t.Errorf("%d dispatches", n)
		}
		for _, inc := range must(b.engine.Incidents(b.ctx, Filter{})) {
			if acted := len(b.incident(inc.ID).Steps) > 0; acted != (inc.HeadSHA == sha) {
				t.Errorf("incident of %s is %s: %s", inc.HeadSHA, inc.State, inc.Reason)
			}
		}
	})
	t.Run("the newer one has its run", func(t *testing.T) {
		b := newPushBench(t, "push", config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
		b.pushMain("one")
		b.pass(4 * time.Minute)
		b.pushMain("two")
		b.pass(time.Minute)
		b.end(b.startPushed(), "failure")
		b.pushQuietly()
		b.pass(2 * time.Hour)
		if n := b.effects()[kindDispatch]; n != 1 {
			t.Errorf("%d dispatches", n)
		}
	})
}

// intercept puts a reader of GitHub's before the double that answers some
// requests by itself: those for which answer returns true.
func (b *bench) intercept(answer func(w http.ResponseWriter, r *http.Request) bool) {
	b.Helper()
	u, err := url.Parse(b.gh.URL())
	if err != nil {
		b.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(u)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", b.clock.Now().UTC().Format(http.TimeFormat)) // GitHub's clock
		if !answer(w, r) {
			w.Header().Del("Date")
			r.Host = u.Host
			proxy.ServeHTTP(w, r)
		}
	}))
	b.Cleanup(s.Close)
	if b.clients, err = githubapi.New(githubapi.Config{BaseURL: s.URL, AppID: b.gh.AppID, PrivateKey: b.gh.PrivateKeyPEM(), Clock: b.clock}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(b.clients.Close)
	b.restart()
}

// That no push has ever started the workflow is asked twice.
func TestOneEmptyListOfPushes(t *testing.T) {
	for _, after := range []time.Duration{10*time.Minute - time.Second, 10*time.Minute + 30*time.Second} { // the first look, the second
		b := newPushBench(t, "push", config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}})
		empty := 0
		b.intercept(func(w http.ResponseWriter, r *http.Request) bool {
			if empty == 0 || !strings.Contains(r.URL.Path, "/actions/workflows/") || !strings.HasSuffix(r.URL.Path, "/runs") {
				return false
			}
			empty--
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"total_count":0,"workflow_runs":[]}`))
			return true
		})
		b.pushMain("feature")
		b.pass(after)
		empty = 1
		b.pass(time.Hour)
		if empty != 0 {
			t.Error("nobody was answered with the empty list")
		}
		if n := b.effects()[kindDispatch]; n != 1 {
			t.Errorf("%d dispatches", n)
		}
	}
}
