package fallback

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/githubapi"
)

// How long a run waits is told by GitHub's clock: with ours 20 minutes ahead,
// one that has waited for two is left alone, and one that waits on is not.
func TestAStallIsJudgedByGitHubsClock(t *testing.T) {
	b := newBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{rerun, dispatch}})
	gh, err := url.Parse(b.gh.URL())
	if err != nil {
		t.Fatal(err)
	}
	const ahead = 20 * time.Minute
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: gh.Scheme, Host: gh.Host})
	proxy.ModifyResponse = func(r *http.Response) error {
		r.Header.Set("Date", b.clock.Now().Add(-ahead).UTC().Format(http.TimeFormat))
		return nil
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	b.clients, err = githubapi.New(githubapi.Config{BaseURL: server.URL + gh.Path, AppID: b.gh.AppID, PrivateKey: b.gh.PrivateKeyPEM(), Clock: b.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.clients.Close)
	b.restart()
	b.queued("schedule")
	b.clock.Advance(ahead)
	b.pass(2 * time.Minute)
	b.wantCancels(0, 0)
	if n := b.incidents(); n != 0 {
		t.Errorf("%d incidents", n)
	}
	b.pass(30 * time.Minute)
	b.wantCancels(1, 0)
}
