package githubapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-github/v62/github"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/redundancy-app/redundancy/queue"
)

func getRepo(c *github.Client) error {
	_, _, err := c.Repositories.Get(context.Background(), "acme", "site")
	return err
}

func asLimit(t *testing.T, err error) *LimitError {
	t.Helper()
	var l *LimitError
	if !errors.As(err, &l) {
		t.Fatalf("error %v, want a *LimitError", err)
	}
	return l
}

// One limited answer silences the installation, all its clients and no other,
// until the moment that GitHub named.
func TestLimitSilencesTheInstallation(t *testing.T) {
	for name, limit := range map[string]func(w http.ResponseWriter, f *fixture){
		"primary 403": func(w http.ResponseWriter, f *fixture) {
			w.Header().Set("X-RateLimit-Remaining", "0")
			w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(f.clock.Now().Add(10*time.Minute).Unix(), 10))
			w.Header().Set("Date", f.clock.Now().UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusForbidden)
		},
		"secondary 403": func(w http.ResponseWriter, f *fixture) {
			w.Header().Set("Retry-After", "600")
			w.WriteHeader(http.StatusForbidden)
		},
		"secondary 429": func(w http.ResponseWriter, f *fixture) {
			w.Header().Set("Retry-After", "600")
			w.WriteHeader(http.StatusTooManyRequests)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			var open atomic.Bool
			f.mux.HandleFunc("GET /repos/acme/site", func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") == "token ghs_1" && !open.Load() {
					limit(w, f)
					return
				}
				w.Write([]byte(repoJSON))
			})
			end := f.clock.Now().Add(10 * time.Minute)
			l := asLimit(t, getRepo(f.client(5)))
			if l.Local || l.Installation != 5 || !l.Until.Equal(end) {
				t.Errorf("limit %+v, want until %s for 5", l, end)
			}
			if v := Classify(f.clock)(l); v.Action != queue.SnoozeUntil || !v.Until.Equal(end) {
				t.Errorf("verdict %+v", v)
			}
			before := f.count("")
			old := f.client(5)
			f.clients.Forget(5) // a new client, with no token: none may be minted
			for _, c := range []*github.Client{old, f.client(5)} {
				if l := asLimit(t, getRepo(c)); !l.Local || Outcome(l) != NotSent || !l.Until.Equal(end) {
					t.Errorf("second limit %+v", l)
				}
			}
			if sent := f.count("") - before; sent != 0 {
				t.Errorf("%d requests were sent while limited", sent)
			}
			if err := getRepo(f.client(6)); err != nil {
				t.Errorf("another installation: %v", err)
			}
			if _, _, err := f.clients.App().Apps.GetInstallation(context.Background(), 5); errors.As(err, &l) {
				t.Errorf("the App itself: %v", err)
			}

			open.Store(true)
			f.clock.Advance(10*time.Minute - time.Second)
			asLimit(t, getRepo(f.client(5)))
			f.clock.Advance(time.Second)
			if err := getRepo(f.client(5)); err != nil {
				t.Errorf("after the end: %v", err)
			}
		})
	}
}

// The limit of search is not that of everything else.
func TestPrimaryLimitIsOfOneResource(t *testing.T) {
	f := setup(t)
	f.mux.HandleFunc("GET /search/code", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-RateLimit-Resource", "code_search")
		w.Header().Set("X-RateLimit-Remaining", "0")
		w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(time.Minute).Unix(), 10))
		w.WriteHeader(http.StatusForbidden)
	})
	f.mux.HandleFunc("GET /repos/acme/site", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(repoJSON)) })
	search := func() error {
		_, _, err := f.client(5).Search.Code(context.Background(), "x", nil)
		return err
	}
	asLimit(t, search())
	if l := asLimit(t, search()); !l.Local || l.Resource != "code_search" {
		t.Errorf("limit %+v", l)
	}
	if err := getRepo(f.client(5)); err != nil {
		t.Errorf("core: %v", err)
	}
}

// The answer that used up the budget closes the gate, so that nobody has to
// run into the wall. go-github's own gate, which would stay shut until a reset
// that is days away, must not stand behind ours.
func TestLastRequestClosesTheGate(t *testing.T) {
	f := setup(t)
	var used atomic.Bool
	f.mux.HandleFunc("GET /repos/acme/site", func(w http.ResponseWriter, r *http.Request) {
		if !used.Swap(true) {
			w.Header().Set("X-RateLimit-Remaining", "0")
			w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(72*time.Hour).Unix(), 10))
		}
		w.Write([]byte(repoJSON))
	})
	if err := getRepo(f.client(5)); err != nil {
		t.Fatal(err)
	}
	if l := asLimit(t, getRepo(f.client(5))); !l.Local || l.Until.After(f.clock.Now().Add(maxWait)) {
		t.Errorf("limit %+v", l)
	}
	f.clock.Advance(maxWait)
	if err := getRepo(f.client(5)); err != nil {
		t.Errorf("after the longest wait: %v", err)
	}
}

// A limit at the minting of a token is the App's own, and looks the same.
func TestLimitWhileMinting(t *testing.T) {
	f := setup(t)
	f.mint = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusTooManyRequests)
	}
	err := getRepo(f.client(5))
	if l := asLimit(t, err); l.Installation != 0 || l.Local || Outcome(err) != NotSent {
		t.Errorf("limit %+v, outcome %s", l, Outcome(err))
	}
	if IsDormant(err) {
		t.Error("a limited installation was taken for a dormant one")
	}
	before := f.count("")
	if l := asLimit(t, getRepo(f.client(6))); !l.Local {
		t.Errorf("limit %+v", l)
	}
	if n := f.count("") - before; n != 0 {
		t.Errorf("%d requests sent", n)
	}
	f.mu.Lock()
	f.mint = nil
	f.mu.Unlock()
	f.mux.HandleFunc("GET /repos/acme/site", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(repoJSON)) })
	f.clock.Advance(time.Minute)
	if err := getRepo(f.client(6)); err != nil {
		t.Error(err)
	}
}

// Without a named end the waits grow, and start over after a success.
func TestUnnamedLimitsGrow(t *testing.T) {
	f := setup(t)
	var fine atomic.Bool
	f.mux.HandleFunc("GET /repos/acme/site", func(w http.ResponseWriter, r *http.Request) {
		if fine.Load() {
			w.Write([]byte(repoJSON))
			return
		}
		w.WriteHeader(http.StatusTooManyRequests)
	})
	expect := func(want time.Duration) {
		t.Helper()
		if got := asLimit(t, getRepo(f.client(5))).Until.Sub(f.clock.Now()); got != want {
			t.Errorf("wait %s, want %s", got, want)
		}
		f.clock.Advance(want)
	}
	expect(time.Minute)
	expect(2 * time.Minute)
	expect(4 * time.Minute)
	fine.Store(true)
	if err := getRepo(f.client(5)); err != nil {
		t.Fatal(err)
	}
	fine.Store(false)
	expect(time.Minute)
}

func TestRateMetrics(t *testing.T) {
	f := setup(t)
	f.mux.HandleFunc("GET /repos/acme/site", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-RateLimit-Limit", "5000")
		w.Header().Set("X-RateLimit-Remaining", "4321")
		w.Header().Set("X-RateLimit-Reset", "1767355200")
		w.Header().Set("X-RateLimit-Resource", "core")
		w.Write([]byte(repoJSON))
	})
	if err := getRepo(f.client(5)); err != nil {
		t.Fatal(err)
	}
	m := f.clients.meter
	if got := testutil.ToFloat64(m.rateLeft.WithLabelValues("5", "core")); got != 4321 {
		t.Errorf("remaining %v, want 4321", got)
	}
	if got := testutil.ToFloat64(m.rateReset.WithLabelValues("5", "core")); got != 1767355200 {
		t.Errorf("reset %v", got)
	}
	if got := testutil.ToFloat64(m.requests.WithLabelValues("GET /repos/{}/{}", "200")); got != 1 {
		t.Errorf("requests %v, want 1", got)
	}
	f.clients.Forget(5)
	if n := testutil.CollectAndCount(m.rateLeft); n != 0 {
		t.Errorf("%d gauges left of a forgotten installation", n)
	}
}
