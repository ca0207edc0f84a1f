package intake

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/palantir/go-githubapp/githubapp"
	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"
)

// deadlines is a connection that only notes what it was told.
type deadlines []time.Time

func (d *deadlines) SetReadDeadline(t time.Time) error {
	*d = append(*d, t)
	return nil
}

// TestBodyBudgets leaves just enough, or one too little, of each budget in
// turn, and nothing of those that the body must not need.
func TestBodyBudgets(t *testing.T) {
	const nothing = 0
	for _, tt := range []struct {
		name                 string
		body                 int
		small, medium, large int64 // what is left
		want                 error
	}{
		{"small", smallBody - 1, 1, nothing, nothing, nil},
		{"small, no place", smallBody - 1, 0, mediumBudget, largeBudget, errOverBudget},
		{"medium", smallBody + 1, 1, 2 * smallBody, nothing, nil},
		{"medium, one byte short", smallBody + 1, 1, 2*smallBody - 1, largeBudget, errOverBudget},
		{"just medium", mediumBody - 1, 1, mediumBody * 3 / 2, nothing, nil},
		{"just medium, one byte short", mediumBody - 1, 1, mediumBody*3/2 - 1, largeBudget, errOverBudget},
		{"large", mediumBody + 1, 1, mediumBody * 3 / 2, 2 * mediumBody, nil},
		{"large, one byte short", mediumBody + 1, 1, mediumBudget, 2*mediumBody - 1, errOverBudget},
		{"largest", MaxBody, 1, mediumBudget, MaxBody + 1 + 16*mediumBody, nil},
		{"largest, one byte short", MaxBody, 1, mediumBudget, MaxBody + 16*mediumBody, errOverBudget},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBodies()
			b.wait = time.Millisecond
			for _, s := range []struct {
				budget     *semaphore.Weighted
				size, left int64
			}{{b.small, smallBudget, tt.small}, {b.medium, mediumBudget, tt.medium}, {b.large, largeBudget, tt.large}} {
				if !s.budget.TryAcquire(s.size - s.left) {
					t.Fatal("the budget is smaller")
				}
			}
			text := bodyOf(tt.body)
			p, err := b.read(t.Context(), strings.NewReader(text), &deadlines{})
			if !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if err == nil {
				if string(p.bytes) != text {
					t.Error("read another body")
				}
				p.release()
			}
			got := []int64{left(b.small, smallBudget), left(b.medium, mediumBudget), left(b.large, largeBudget)}
			if diff := cmp.Diff([]int64{tt.small, tt.medium, tt.large}, got); diff != "" {
				t.Errorf("left of the budgets afterwards (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPace reads the deadlines off: they follow the bytes and end with the
// whole time.
func TestPace(t *testing.T) {
	var set deadlines
	p := pace{grace: 5 * time.Second, rate: 100, total: 30 * time.Second}.begin(&set)
	for _, n := range []int{0, 1, 99, 100, 150, 199, 200, 2400, 2500, 2600, 9000} {
		p.expect(n)
	}
	p.excuse(time.Second)
	p.expect(9001)
	var got []time.Duration
	for _, at := range set {
		got = append(got, at.Sub(p.started)+time.Second)
	}
	s := time.Second
	want := []time.Duration{5 * s, 6 * s, 7 * s, 29 * s, 30 * s, 30 * s, 30 * s, 31 * s}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("deadlines after the start (-want +got):\n%s", diff)
	}
}

// hand is a server with the handler whose limits a test has changed.
func hand(t *testing.T, h *house, change func(*bodies)) *httptest.Server {
	t.Helper()
	hk, err := NewHandler(Config{Secrets: []string{testSecret}, Inbox: h.inbox, Log: zerolog.Nop(), Registerer: h.reg})
	if err != nil {
		t.Fatal(err)
	}
	change(hk.(*handler).bodies)
	srv := httptest.NewServer(hk)
	t.Cleanup(srv.Close)
	return srv
}

// stranger begins a request of 25 MiB without knowing the secret.
func stranger(t *testing.T, srv *httptest.Server) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	fmt.Fprintf(c, "POST /api/github/hook HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256=%s\r\nContent-Length: 26214400\r\n\r\nx", strings.Repeat("0", 64))
	return c
}

func TestStrangersDoNotStopWebhooks(t *testing.T) {
	h := openHouse(t)
	srv := hand(t, h, func(b *bodies) {
		b.pace.grace, b.wait = time.Hour, 10*time.Millisecond // they stay
	})
	large := strings.Repeat("x", 1<<20)
	for i := range 110 {
		c := stranger(t, srv)
		for range 17 * max(0, 1-i/10) { // the first ten send enough for a buffer of the largest size
			if _, err := io.WriteString(c, large); err != nil {
				break // refused
			}
		}
	}
	for i, size := range []int{11, 11, 17 << 10, smallBody + 1, 300 << 10, mediumBody - 1} {
		if code, _, text := (hook{guid: fmt.Sprint("g", i), body: bodyOf(size)}).post(t, srv); code != 202 {
			t.Errorf("%d bytes: answered %d %q", size, code, text)
		}
	}
}

func TestOverBudgetAnswer(t *testing.T) {
	h := openHouse(t)
	srv := hand(t, h, func(b *bodies) {
		b.wait = time.Millisecond
		b.large.TryAcquire(largeBudget)
	})
	code, header, _ := hook{body: bodyOf(mediumBody + 1)}.post(t, srv)
	if code != 503 || header.Get("Retry-After") == "" {
		t.Errorf("answered %d, Retry-After %q", code, header.Get("Retry-After"))
	}
}

// TestIdleSendersAreDropped: a place is free again as soon as its sender
// stands still, and whoever waited for it gets it.
func TestIdleSendersAreDropped(t *testing.T) {
	h := openHouse(t)
	srv := hand(t, h, func(b *bodies) {
		b.pace.grace, b.wait = 50*time.Millisecond, time.Minute
		b.small.TryAcquire(smallBudget - 1)
	})
	c := stranger(t, srv)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusRequestTimeout || !resp.Close {
		t.Errorf("answered %d, connection closed: %t; want 408, closed", resp.StatusCode, resp.Close)
	}
	if got := outcomes(t, h, outcomeSlow); got != 1 {
		t.Errorf("%v counted as slow", got)
	}
	if code, _, text := (hook{body: bodyOf(100)}).post(t, srv); code != 202 {
		t.Errorf("a webhook in the same place: %d %q", code, text)
	}
}

// patient stores nothing, slowly.
type patient time.Duration

func (p patient) Schedule(ctx context.Context, _ githubapp.Dispatch) error {
	timer := time.NewTimer(time.Duration(p))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestPaceEndsWithTheBody: the deadline of a body must not cut off a webhook
// that waits for its commit.
func TestPaceEndsWithTheBody(t *testing.T) {
	h := openHouse(t)
	hk, err := NewHandler(Config{Secrets: []string{testSecret}, Inbox: patient(300 * time.Millisecond), Log: zerolog.Nop(), Registerer: h.reg})
	if err != nil {
		t.Fatal(err)
	}
	hk.(*handler).bodies.pace.grace = 100 * time.Millisecond
	srv := httptest.NewServer(hk)
	defer srv.Close()
	if code, _, text := (hook{}).post(t, srv); code != 202 {
		t.Errorf("answered %d %q", code, text)
	}
}

// left is what can still be taken from a budget of size.
func left(s *semaphore.Weighted, size int64) int64 {
	taken := int64(0)
	for step := int64(1) << 40; step > 0; step /= 2 {
		if taken+step <= size && s.TryAcquire(step) {
			taken += step
		}
	}
	s.Release(taken)
	return taken
}
