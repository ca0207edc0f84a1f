package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/store"
)

// inProcess is the App of `serve` in this process, so that a test can look at
// its database and its queue.
type inProcess struct {
	*App
	t       *testing.T
	address string
	log     *logBuffer
	stop    func()
}

// logBuffer is what an App said.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// startInProcess runs the App against gh, with its webhooks, and with the waits
// of the engine divided by scale.
func startInProcess(t *testing.T, gh *githubtest.Server, dataDir string, scale int) *inProcess {
	t.Helper()
	return startInProcessAt(t, gh, dataDir, scale, clockwork.NewRealClock())
}

// startInProcessAt is startInProcess with a clock.
func startInProcessAt(t *testing.T, gh *githubtest.Server, dataDir string, scale int, clock clockwork.Clock) *inProcess {
	t.Helper()
	env := map[string]string{
		"GITHUB_V3_API_URL": gh.URL() + "/api/v3/", "GITHUB_WEB_URL": gh.URL(),
		"GITHUB_APP_INTEGRATION_ID": fmt.Sprint(gh.AppID), "GITHUB_APP_PRIVATE_KEY": string(gh.PrivateKeyPEM()),
		"GITHUB_APP_WEBHOOK_SECRET": gh.Secret(), "REDUNDANCY_LISTEN": "127.0.0.1:0",
		"REDUNDANCY_DATA_DIR": dataDir, "REDUNDANCY_POLL_SCALE": fmt.Sprint(scale),
		"REDUNDANCY_BUDGET_SCALE": "1000", // what takes days is done in seconds
	}
	cfg, err := config.LoadServer(config.Sources{Getenv: func(k string) string { return env[k] }})
	if err == nil {
		err = cfg.Validate()
	}
	if err == nil {
		err = cfg.Prepare()
	}
	if err != nil {
		t.Fatal(err)
	}
	p := &inProcess{t: t, log: &logBuffer{}}
	ctx, cancel := context.WithCancel(context.Background())
	if p.App, err = New(ctx, cfg, zerolog.New(p.log).With().Timestamp().Logger(), clock); err != nil {
		t.Fatal(err)
	}
	l, err := listen(ctx, cfg.Listen)
	if err != nil {
		t.Fatal(err)
	}
	p.address = "http://" + l.Addr().String()
	gh.SetHook(p.address + "/api/github/hook")
	gh.DropDeliveries(false)
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx, l) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	t.Cleanup(p.stop)
	return p
}

// until waits until holds returns "", and fails with what it said last. The
// database gives no signal to an outsider, so it asks again and again.
func (p *inProcess) until(limit time.Duration, holds func(ctx context.Context) string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for missing := ""; ; {
		now := holds(ctx)
		if now == "" {
			return
		}
		if ctx.Err() == nil || missing == "" { // else it only tells that the time is over
			missing = now
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			p.t.Fatalf("waited %s in vain: %s\nthe server said:\n%s", limit, missing, tail(p.log.String(), 25))
		}
	}
}

// resting says what is still to be done: a delivery that was not handled, an
// incident that is being worked on, a job that could run now.
func (p *inProcess) resting(ctx context.Context) string {
	if pending, _, err := p.store.PendingDeliveries(ctx); err != nil || pending > 0 {
		return fmt.Sprintf("%d deliveries are not handled (%v)", pending, err)
	}
	for _, inc := range p.incidents(ctx) {
		if fallback.State(inc.State).Active() {
			return fmt.Sprintf("incident %d of %s is %s: %s", inc.ID, inc.WorkflowPath, inc.State, inc.Reason)
		}
	}
	stats, err := p.queue.Stats(ctx)
	if err != nil || stats.Running > 0 || !stats.OldestReady.IsZero() {
		return fmt.Sprintf("there is work in the queue: %+v (%v)", stats, err)
	}
	return ""
}

func (p *inProcess) incidents(ctx context.Context) []store.Incident {
	list, err := store.Incidents(ctx, p.store.Read(), store.IncidentFilter{Limit: 1 << 20})
	if err != nil && ctx.Err() == nil {
		p.t.Errorf("read incidents: %v", err)
	}
	return list
}

// buried lists the jobs that gave up.
func (p *inProcess) buried() string {
	dead, err := p.queue.DeadLetters(context.Background(), 10)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, j := range dead {
		fmt.Fprintf(&b, "%s %s, attempt %d: %s\n", j.Kind, j.Args, j.Attempt, j.LastError)
	}
	return b.String()
}
