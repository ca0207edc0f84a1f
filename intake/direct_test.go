package intake

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/jonboulle/clockwork"
	"github.com/palantir/go-githubapp/githubapp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// attach makes the house's inbox handle pushes itself.
func attach(t *testing.T, h *house, do func(ctx context.Context, event, guid string, payload []byte) error) {
	t.Helper()
	w, err := NewWorker(h.store, h.inbox, h.clock, []githubapp.EventHandler{handlerFunc{[]string{"push"}, do}})
	if err != nil {
		t.Fatal(err)
	}
	h.inbox.HandleDirectly(context.Background(), w)
}

// fate is what became of a delivery.
func fate(t *testing.T, h *house, guid string) string {
	t.Helper()
	is := func(query string) bool { return count(t, h.store, query, guid) == 1 }
	return fmt.Sprintf("done %t, direct %t, job %t",
		is(`SELECT COUNT(*) FROM deliveries WHERE guid = ? AND processed_at > 0`),
		is(`SELECT COUNT(*) FROM deliveries WHERE guid = ? AND direct`),
		is(`SELECT COUNT(*) FROM test_jobs WHERE guid = ?`))
}

func TestDirect(t *testing.T) {
	const queued = "done false, direct false, job true"
	for name, tt := range map[string]struct {
		event  string
		result func() error
		want   string
	}{
		"handled":           {"push", func() error { return nil }, "done true, direct true, job false"},
		"failed":            {"push", func() error { return errors.New("database is on fire") }, queued},
		"panicked":          {"push", func() error { panic("oops") }, queued},
		"without a handler": {"star", nil, "done true, direct false, job false"},
	} {
		t.Run(name, func(t *testing.T) {
			h, calls := openHouse(t), make(chan string, 1)
			attach(t, h, func(_ context.Context, event, guid string, payload []byte) error {
				calls <- event + " " + guid + " " + string(payload)
				return tt.result()
			})
			d := dispatch("g")
			d.EventType = tt.event
			if err := h.inbox.Schedule(context.Background(), d); err != nil {
				t.Fatal(err)
			}
			if tt.result != nil {
				if got, want := receive(t, calls), "push g "+string(d.Payload); got != want {
					t.Errorf("handler got %q, want %q", got, want)
				}
			}
			if err := h.inbox.Schedule(context.Background(), d); !errors.Is(err, ErrDuplicate) {
				t.Errorf("the second time: %v", err)
			}
			if err := h.inbox.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
			if got := fate(t, h, "g"); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			if len(calls) != 0 {
				t.Error("handled twice")
			}
		})
	}
}

// TestDirectIsBounded fills memory: what is too much gets a job, and what has
// not begun at the end is found by the next process.
func TestDirectIsBounded(t *testing.T) {
	h := openHouse(t)
	const over = 3
	begun, release := make(chan struct{}, maxDirect+over), make(chan struct{})
	attach(t, h, func(context.Context, string, string, []byte) error {
		begun <- struct{}{}
		<-release
		return nil
	})
	for i := range maxDirect + over {
		if err := h.inbox.Schedule(context.Background(), dispatch(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if got := count(t, h.store, `SELECT COUNT(*) FROM deliveries WHERE direct`); got != maxDirect {
		t.Errorf("%d are handled from memory, want %d", got, maxDirect)
	}
	if got := count(t, h.store, `SELECT COUNT(*) FROM test_jobs`); got != over {
		t.Errorf("%d jobs, want %d", got, over)
	}
	for range directWorkers {
		receive(t, begun)
	}
	closed := make(chan error)
	go func() { closed <- h.inbox.Close(context.Background()) }()
	for !h.inbox.writer.direct.closed.Load() {
		runtime.Gosched() // only memory is moving
	}
	close(release)
	if err := receive(t, closed); err != nil {
		t.Fatal(err)
	}
	done := count(t, h.store, `SELECT COUNT(*) FROM deliveries WHERE processed_at > 0`)
	if done != directWorkers {
		t.Errorf("%d done at the end, want the %d that had begun", done, directWorkers)
	}

	next, err := NewInbox(context.Background(), InboxConfig{
		Store: h.store, Queue: jobTable{}, Clock: h.clock, Log: zerolog.Nop(), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := next.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := count(t, h.store, `SELECT COUNT(*) FROM deliveries WHERE processed_at = 0 AND (direct OR guid NOT IN (SELECT guid FROM test_jobs))`); got != 0 {
		t.Errorf("nobody handles %d deliveries", got)
	}
	if got := count(t, h.store, `SELECT COUNT(*) FROM test_jobs`); got != maxDirect+over-done {
		t.Errorf("%d jobs, want %d", got, maxDirect+over-done)
	}
}

func TestLargeBodiesAreNotKeptInMemory(t *testing.T) {
	noise := make([]byte, keepCompressed)
	_, _ = rand.Read(noise)
	text := hex.EncodeToString(noise)
	sized := func(want int) []byte { // a payload that compresses to that
		low, high := 0, len(text)
		for low < high {
			mid := (low + high) / 2
			if len(compress(make([]byte, 4*keepCompressed), []byte(`{"x":"`+text[:mid]+`"}`))) < want {
				low = mid + 1
			} else {
				high = mid
			}
		}
		return []byte(`{"x":"` + text[:low] + `"}`)
	}
	for name, tt := range map[string]struct {
		payload []byte
		direct  bool
	}{
		"at the limit":    {sized(keepCompressed), true},
		"above the limit": {sized(keepCompressed + 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			h, calls := openHouse(t), make(chan struct{}, 1)
			attach(t, h, func(context.Context, string, string, []byte) error { calls <- struct{}{}; return nil })
			d := dispatch("g")
			d.Payload = tt.payload
			if err := h.inbox.Schedule(context.Background(), d); err != nil {
				t.Fatal(err)
			}
			if tt.direct {
				receive(t, calls)
			}
			if err := h.inbox.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
			want := fmt.Sprintf("done %t, direct %t, job %t", tt.direct, tt.direct, !tt.direct)
			if got := fate(t, h, "g"); got != want {
				t.Errorf("%s, want %s (%d bytes stored)", got, want, count(t, h.store, `SELECT length(body) FROM deliveries`))
			}
		})
	}
}

// A record that the database refuses must not keep deliveries out, nor be
// forgotten.
func TestRecordIsTriedAgain(t *testing.T) {
	h, calls := openHouse(t), make(chan string, 2)
	attach(t, h, func(_ context.Context, _, guid string, _ []byte) error { calls <- guid; return nil })
	execute(t, h.store, `CREATE TRIGGER bad BEFORE UPDATE ON deliveries BEGIN SELECT RAISE(ABORT, 'no'); END`)
	for _, guid := range []string{"a", "b"} {
		if err := h.inbox.Schedule(context.Background(), dispatch(guid)); err != nil {
			t.Fatalf("delivery %s: %v", guid, err)
		}
		receive(t, calls)
	}
	execute(t, h.store, `DROP TRIGGER bad`)
	if err := h.inbox.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, guid := range []string{"a", "b"} {
		if got, want := fate(t, h, guid), "done true, direct true, job false"; got != want {
			t.Errorf("%s: %s, want %s", guid, got, want)
		}
	}
}

// Without another delivery the record is written after markDelay.
func TestRecordWaitsForNobodyLong(t *testing.T) {
	clock := clockwork.NewFakeClock()
	h, calls := openHouse(t, func(c *InboxConfig) { c.Clock = clock }), make(chan struct{}, 1)
	attach(t, h, func(context.Context, string, string, []byte) error { calls <- struct{}{}; return nil })
	if err := h.inbox.Schedule(context.Background(), dispatch("g")); err != nil {
		t.Fatal(err)
	}
	receive(t, calls)
	// The timer of the request was stopped before Schedule returned, that of
	// the handler is not the clock's: what is left is the record's.
	if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if got, want := fate(t, h, "g"), "done false, direct true, job false"; got != want {
		t.Errorf("before: %s, want %s", got, want)
	}
	clock.Advance(markDelay)
	for fate(t, h, "g") != "done true, direct true, job false" {
		runtime.Gosched() // the test's time limit ends it
	}
}
