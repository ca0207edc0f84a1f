package githubapi

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/redundancy-app/redundancy/queue"
)

// The breaker's time is gobreaker's own, so it runs in a bubble with a fake one.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent, status atomic.Int32
		status.Store(503)
		next := roundTripper(func(*http.Request) (*http.Response, error) {
			sent.Add(1)
			if status.Load() == 0 {
				return nil, errors.New("connection reset")
			}
			return &http.Response{StatusCode: int(status.Load()), Header: http.Header{}, Body: http.NoBody}, nil
		})
		b := newBreaker(Config{BaseURL: "https://ghes.example", Clock: clockwork.NewRealClock(), BreakerFailures: 3, BreakerOpen: 30 * time.Second}, newMeter(nil), &reach{}, next)
		call := func(ctx context.Context) error {
			req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "https://ghes.example/x", nil)
			resp, err := b.RoundTrip(req)
			if err == nil {
				resp.Body.Close()
			}
			return err
		}
		ctx := context.Background()
		call(ctx)
		call(ctx)
		status.Store(404) // an answer: GitHub works
		call(ctx)
		status.Store(0)
		call(ctx)
		call(ctx)
		if err := call(ctx); errors.As(err, new(*UnavailableError)) || sent.Load() != 6 {
			t.Fatalf("opened early: %v after %d", err, sent.Load())
		}
		err := call(ctx)
		var down *UnavailableError
		if !errors.As(err, &down) || sent.Load() != 6 {
			t.Fatalf("not open: %v after %d", err, sent.Load())
		}
		until := time.Now().Add(30 * time.Second)
		if v := Classify(clockwork.NewRealClock())(err); v.Action != queue.SnoozeUntil || !v.Until.Equal(until) || Outcome(err) != NotSent {
			t.Errorf("verdict %+v, want until %s", v, until)
		}
		time.Sleep(31 * time.Second)
		if call(ctx); sent.Load() != 7 { // the probe fails
			t.Errorf("no probe: %d", sent.Load())
		}
		if call(ctx); sent.Load() != 7 {
			t.Errorf("open again, and still sent: %d", sent.Load())
		}
		time.Sleep(31 * time.Second)
		status.Store(200)
		for range 3 {
			if err := call(ctx); err != nil {
				t.Errorf("closed: %v", err)
			}
		}
	})
}

// A job that is cancelled says nothing about GitHub.
func TestCancelledCallsDoNotOpenTheBreaker(t *testing.T) {
	f := setup(t, func(c *Config) { c.BreakerFailures = 2 })
	f.mux.HandleFunc("GET /repos/acme/site", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(repoJSON)) })
	arrived := make(chan struct{})
	f.mux.HandleFunc("GET /repos/acme/slow", func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	for range 5 {
		ctx, cancel := context.WithCancel(context.Background())
		go func() { <-arrived; cancel() }()
		if _, _, err := f.client(5).Repositories.Get(ctx, "acme", "slow"); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	}
	if err := getRepo(f.client(5)); err != nil {
		t.Error(err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
