package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

type stopJob struct{}

func (stopJob) Kind() string { return "stop_job" }

// TestShutdownIsBounded: whatever a job does with its context, and while a
// sender keeps a request open, Run returns in time.
func TestShutdownIsBounded(t *testing.T) {
	if sum := 20*time.Second + stopGrace + 2*time.Second + closeTimeout; sum > stopTotal || stopTotal >= 30*time.Second {
		t.Errorf("the parts of a shutdown take %s of %s", sum, stopTotal)
	}
	for _, tt := range []struct {
		name   string
		obeys  bool
		within time.Duration
		want   string // of Run's error
		state  store.JobState
	}{
		{"job ends when it is told", true, stopTotal, "", store.JobAvailable},
		{"job ignores its context", false, 200 * time.Millisecond, "not over after 200ms", store.JobRunning},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, data := newApp(t)
			a.cfg.Drain, a.stopWithin = config.Duration(time.Millisecond), tt.within
			working, release := make(chan struct{}), make(chan struct{})
			a.queue.Handle(stopJob{}.Kind(), queue.Worker{Work: func(ctx context.Context, _ queue.Job) error {
				close(working)
				if tt.obeys {
					<-ctx.Done()
				} else {
					<-release
				}
				return ctx.Err()
			}})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			l, err := listen(ctx, a.cfg.Listen)
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- a.Run(ctx, l) }()
			err = a.store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
				return a.queue.Enqueue(ctx, tx, queue.Item{Args: stopJob{}})
			})
			if err != nil {
				t.Fatal(err)
			}
			<-working
			open, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer open.Close()
			fmt.Fprintf(open, "POST /api/github/hook HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256=%s\r\nContent-Length: 100\r\n\r\nx", strings.Repeat("0", 64))

			begun := time.Now()
			cancel()
			err = <-ended
			if took := time.Since(begun); took > min(tt.within, httpDrain)+2*time.Second {
				t.Errorf("took %s", took)
			}
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ended with %v, want %q", err, tt.want)
			}
			if !tt.obeys { // the process would be gone now; here everything must end by itself
				if got := stateOf(t, a.store); got != tt.state {
					t.Errorf("the job is %q, want %q", got, tt.state)
				}
				close(release)
				<-a.stopped
				return
			}
			s, err := store.Open(t.Context(), "sqlite:"+data+"/redundancy.db")
			if err != nil {
				t.Fatal(err)
			}
			if got := stateOf(t, s); got != tt.state {
				t.Errorf("the job is %q, want %q", got, tt.state)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func stateOf(t *testing.T, s *store.Store) (state store.JobState) {
	t.Helper()
	err := s.Read().NewRaw(`SELECT state FROM jobs WHERE kind = ?`, stopJob{}.Kind()).Scan(t.Context(), &state)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// newApp wires an App that does not run yet.
func newApp(t *testing.T) (a *App, dataDir string) {
	t.Helper()
	gh, data := startGitHub(t), t.TempDir()
	env := map[string]string{
		"GITHUB_V3_API_URL": gh.URL() + "/api/v3/", "GITHUB_WEB_URL": gh.URL(),
		"GITHUB_APP_INTEGRATION_ID": fmt.Sprint(gh.AppID), "GITHUB_APP_PRIVATE_KEY": string(gh.PrivateKeyPEM()),
		"GITHUB_APP_WEBHOOK_SECRET": gh.Secret(), "REDUNDANCY_LISTEN": "127.0.0.1:0", "REDUNDANCY_DATA_DIR": data,
	}
	cfg, err := config.LoadServer(config.Sources{Getenv: func(k string) string { return env[k] }})
	if err == nil {
		err = cfg.Prepare()
	}
	if err == nil {
		a, err = New(t.Context(), cfg, zerolog.New(io.Discard), clockwork.NewRealClock())
	}
	if err != nil {
		t.Fatal(err)
	}
	return a, data
}
