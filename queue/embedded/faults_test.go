package embedded

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

const patience = 20 * time.Second

type note struct {
	Text string `json:"text"`
}

func (note) Kind() string { return "test.note" }

func openStore(tb testing.TB) *store.Store {
	tb.Helper()
	s, err := store.Open(context.Background(), "sqlite:"+filepath.Join(tb.TempDir(), "test.db"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

func newQueue(tb testing.TB, cfg Config) *Queue {
	tb.Helper()
	q, err := New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = q.Drain(ctx)
	})
	return q
}

func start(tb testing.TB, q *Queue, work queue.Work) {
	tb.Helper()
	q.Handle(note{}.Kind(), queue.Worker{Work: work})
	if err := q.Start(context.Background()); err != nil {
		tb.Fatal(err)
	}
}

func enqueue(tb testing.TB, q *Queue, items ...queue.Item) {
	tb.Helper()
	err := q.cfg.Store.Update(context.Background(), func(ctx context.Context, tx *store.Tx) error {
		return q.Enqueue(ctx, tx, items...)
	})
	if err != nil {
		tb.Fatal(err)
	}
}

func exec(tb testing.TB, s *store.Store, query string) {
	tb.Helper()
	err := s.Update(context.Background(), func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, query)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
}

func receive[T any](tb testing.TB, ch <-chan T) T {
	tb.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		tb.Fatal("nothing happened")
		panic("unreachable")
	}
}

// signals is a log that tells when a line with its text is written.
type signals struct {
	text string
	ch   chan struct{}
}

func (s signals) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(s.text)) {
		s.ch <- struct{}{}
	}
	return len(p), nil
}

// While the database takes no writes, the end of a job waits in memory; it is
// written when that is over, and nothing runs twice.
func TestFaultDatabaseFull(t *testing.T) {
	s, clock := openStore(t), clockwork.NewFakeClock()
	failed := signals{"queue cannot write", make(chan struct{}, 1000)}
	q := newQueue(t, Config{Store: s, Clock: clock, Log: zerolog.New(failed)})
	ran := make(chan string, 10)
	start(t, q, func(_ context.Context, j queue.Job) error {
		if j.Key == "k" && j.ID == 1 { // the pages that are there are full from here on
			exec(t, s, "PRAGMA max_page_count = 1")
			exec(t, s, "CREATE TRIGGER full BEFORE DELETE ON jobs BEGIN SELECT raise(FAIL, 'database or disk is full'); END")
		}
		ran <- string(j.Args)
		return nil
	})
	enqueue(t, q, queue.Item{Args: note{"first"}, Options: queue.Options{Key: "k"}}, queue.Item{Args: note{"second"}, Options: queue.Options{Key: "k"}})
	receive(t, ran)
	for range 5 {
		receive(t, failed.ch)
		if err := clock.BlockUntilContext(context.Background(), 1); err != nil {
			t.Fatal(err)
		}
		clock.Advance(writeBackoffCap)
	}
	if st, err := q.Stats(context.Background()); err != nil || st.Running != 1 {
		t.Errorf("stats %+v, %v: the job that is not written must count as running", st, err)
	}
	receive(t, failed.ch)
	exec(t, s, "DROP TRIGGER full")
	if err := clock.BlockUntilContext(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	clock.Advance(writeBackoffCap)
	if got := receive(t, ran); !strings.Contains(got, "second") {
		t.Errorf("then %s ran", got)
	}
}

// A drain does not wait for ever for a full disk; the next start has the job.
func TestFaultDrainWhileFull(t *testing.T) {
	s, clock := openStore(t), clockwork.NewFakeClock()
	failed := signals{"queue cannot write", make(chan struct{}, 1000)}
	q := newQueue(t, Config{Store: s, Clock: clock, Log: zerolog.New(failed)})
	start(t, q, func(context.Context, queue.Job) error { return nil })
	exec(t, s, "CREATE TRIGGER full BEFORE DELETE ON jobs BEGIN SELECT raise(FAIL, 'full'); END")
	enqueue(t, q, queue.Item{Args: note{"x"}})
	receive(t, failed.ch)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	drained := make(chan error, 1)
	go func() { drained <- q.Drain(ctx) }()
	if err := clock.BlockUntilContext(context.Background(), 2); err != nil { // the back-off and the grace
		t.Fatal(err)
	}
	q.abandon()
	if err := receive(t, drained); err == nil || !strings.Contains(err.Error(), "1 jobs not written") {
		t.Errorf("drain: %v", err)
	}
	exec(t, s, "DROP TRIGGER full")
	next, again := newQueue(t, Config{Store: s}), make(chan queue.Job, 1)
	start(t, next, func(_ context.Context, j queue.Job) error { again <- j; return nil })
	if got := receive(t, again); got.Crashes != 1 {
		t.Errorf("%+v", got)
	}
}

// A job that ignores its cancellation is handed back, and what it returns in
// the end changes nothing any more.
func TestDrainGivesUpOnTheDeaf(t *testing.T) {
	s, clock := openStore(t), clockwork.NewFakeClock()
	q := newQueue(t, Config{Store: s, Clock: clock, Grace: time.Second})
	began, release, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	start(t, q, func(context.Context, queue.Job) error {
		defer close(over)
		close(began)
		<-release
		return nil
	})
	enqueue(t, q, queue.Item{Args: note{"deaf"}})
	receive(t, began)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	drained := make(chan error, 1)
	go func() { drained <- q.Drain(ctx) }()
	if err := clock.BlockUntilContext(context.Background(), 2); err != nil { // its time-out and the grace
		t.Fatal(err)
	}
	clock.Advance(time.Second)
	if err := receive(t, drained); err == nil || !strings.Contains(err.Error(), "1 jobs go on") {
		t.Errorf("drain: %v", err)
	}
	close(release)
	<-over
	next, again := newQueue(t, Config{Store: s}), make(chan queue.Job, 1)
	start(t, next, func(_ context.Context, j queue.Job) error { again <- j; return nil })
	if got := receive(t, again); got.Attempt != 1 || got.Crashes != 0 {
		t.Errorf("handed back as %+v", got)
	}
}

// Rows that somebody edited by hand become dead letters and hold nothing up.
func TestMangledRows(t *testing.T) {
	s := openStore(t)
	q := newQueue(t, Config{Store: s})
	ran := make(chan string, 10)
	for _, text := range []string{"args", "numbers", "good"} {
		enqueue(t, q, queue.Item{Args: note{text}, Options: queue.Options{Key: "k"}})
	}
	exec(t, s, `UPDATE jobs SET args = x'ff00' WHERE id = 1`)
	exec(t, s, `UPDATE jobs SET max_attempts = 'many', attempt = 'few', crashes = x'00', created_at = 'once' WHERE id = 2`)
	start(t, q, func(_ context.Context, j queue.Job) error {
		ran <- string(j.Args)
		if j.ID == 2 {
			return errors.New("bad")
		}
		return nil
	})
	if got := receive(t, ran); !strings.Contains(got, "numbers") {
		t.Errorf("%s ran", got)
	}
	if got := receive(t, ran); !strings.Contains(got, "good") {
		t.Errorf("%s ran", got)
	}
	dead, err := q.DeadLetters(context.Background(), 10)
	if err != nil || len(dead) != 2 || dead[0].LastError != "bad" || !strings.Contains(dead[1].LastError, "not JSON") {
		t.Errorf("dead letters %+v, %v", dead, err)
	}
}

// A key whose head was deleted by hand goes on after a restart.
func TestHeadlessKey(t *testing.T) {
	s := openStore(t)
	q, ran := newQueue(t, Config{Store: s}), make(chan string, 1)
	enqueue(t, q, queue.Item{Args: note{"head"}, Options: queue.Options{Key: "k"}}, queue.Item{Args: note{"next"}, Options: queue.Options{Key: "k"}})
	exec(t, s, `DELETE FROM jobs WHERE id = 1`)
	start(t, q, func(_ context.Context, j queue.Job) error { ran <- string(j.Args); return nil })
	if got := receive(t, ran); !strings.Contains(got, "next") {
		t.Errorf("%s ran", got)
	}
}
