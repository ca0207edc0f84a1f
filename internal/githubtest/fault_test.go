package githubtest

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFaults(t *testing.T) {
	b := newBench(t, Config{})
	tests := []struct {
		name   string
		f      Fault
		status int // 0: no answer
		check  func(*testing.T, *reply, error)
	}{
		{"status", Fault{Kind: Status, Code: 502}, 502, nil},
		{"status with Retry-After", Fault{Kind: Status, Code: 503, RetryAfter: 7 * time.Second}, 503, wantHeader("Retry-After", "7")},
		{"primary", Fault{Kind: Primary}, 403, wantHeader("X-RateLimit-Remaining", "0")},
		{"primary as 429", Fault{Kind: Primary, Code: 429}, 429, wantHeader("X-RateLimit-Remaining", "0")},
		{"secondary", Fault{Kind: Secondary, RetryAfter: 30 * time.Second}, 403, wantHeader("Retry-After", "30")},
		{"secondary as 429 without Retry-After", Fault{Kind: Secondary, Code: 429, RetryAfter: -1}, 429, wantHeader("Retry-After", "")},
		{"bad JSON", Fault{Kind: BadJSON}, 200, func(t *testing.T, r *reply, _ error) {
			if string(r.body) != `{"id": 1, ` {
				t.Errorf("body %q", r.body)
			}
		}},
		{"reset", Fault{Kind: Reset}, 0, func(t *testing.T, _ *reply, err error) {
			if !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("error %v, want a reset", err)
			}
		}},
		{"truncated", Fault{Kind: Truncate}, 0, func(t *testing.T, _ *reply, err error) {
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("error %v, want an unexpected end", err)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.f.Operation = "checks/create"
			b.s.ForgetCalls()
			b.s.Fault(tt.f)
			b.get(demo) // not meant
			before := len(b.repo.CheckRuns(b.repo.Head("main")))
			r, err := b.try("POST", demo+"/check-runs", map[string]any{"name": "n", "head_sha": b.repo.Head("main")})
			if (err != nil) != (tt.status == 0) || (err == nil && r.status != tt.status) {
				t.Fatalf("answer %+v, error %v", r, err)
			}
			if tt.check != nil {
				tt.check(t, r, err)
			}
			if n := len(b.repo.CheckRuns(b.repo.Head("main"))); n != before || b.s.Effects("checks/create") != 0 {
				t.Error("the call had an effect")
			}
			b.call("POST", demo+"/check-runs", map[string]any{"name": "n", "head_sha": b.repo.Head("main")}).want(http.StatusCreated) // once
		})
	}
}

func wantHeader(key, value string) func(*testing.T, *reply, error) {
	return func(t *testing.T, r *reply, _ error) {
		t.Helper()
		if r.header.Get(key) != value {
			t.Errorf("%s is %q, want %q", key, r.header.Get(key), value)
		}
	}
}

func TestLostAnswer(t *testing.T) {
	b := newBench(t, Config{})
	b.s.Fault(Fault{Operation: "repos/create-dispatch-event", Kind: Reset, AfterEffect: true, Times: 2, Skip: 1})
	send := func() error {
		_, err := b.try("POST", demo+"/dispatches", map[string]any{"event_type": "x"})
		return err
	}
	if err := send(); err != nil {
		t.Fatal("the first call was to be skipped:", err)
	}
	for range 2 {
		if send() == nil {
			t.Error("an answer was not lost")
		}
	}
	if n := len(b.repo.Dispatches()); n != 3 || b.s.Effects("repos/create-dispatch-event") != 3 {
		t.Errorf("%d dispatches, want 3: the work was to be done", n)
	}
	b.clean()
}

func TestHangEndsWithTheFault(t *testing.T) {
	b := newBench(t, Config{})
	b.s.Fault(Fault{PathRegexp: "/dispatches$", Kind: Hang, Times: -1})
	done := make(chan error)
	go func() {
		_, err := b.try("POST", demo+"/dispatches", map[string]any{"event_type": "x"}) // a GET would be sent again by the client
		done <- err
	}()
	if err := b.s.Wait(ctx(t), func() bool { return b.s.Count("repos/create-dispatch-event") == 1 }); err != nil {
		t.Fatal(err)
	}
	b.s.ClearFaults()
	if err := <-done; err == nil || !strings.Contains(err.Error(), "EOF") {
		t.Errorf("error %v", err)
	}
	b.call("POST", demo+"/dispatches", map[string]any{"event_type": "x"}).want(http.StatusNoContent)
}

func TestCloseEndsWhatHangs(t *testing.T) {
	s, err := Start(Config{})
	if err != nil {
		t.Fatal(err)
	}
	s.Fault(Fault{Kind: Hang})
	c := &http.Client{Transport: &http.Transport{}}
	defer c.CloseIdleConnections()
	done := make(chan error)
	go func() {
		resp, err := c.Get(s.URL())
		if err == nil {
			resp.Body.Close()
		}
		done <- err
	}()
	if err := s.Wait(ctx(t), func() bool { return len(s.Calls()) == 1 }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if <-done == nil {
		t.Error("the call was answered")
	}
	if err := s.Wait(ctx(t), func() bool { return false }); err == nil {
		t.Error("waiting for a closed double ended without an error")
	}
}
