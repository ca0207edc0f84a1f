package embedded

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/redundancy-app/redundancy/queue"
)

func TestMetrics(t *testing.T) {
	s, clock, reg := openStore(t), clockwork.NewFakeClockAt(time.Unix(1_800_000_000, 0)), prometheus.NewPedanticRegistry()
	q := newQueue(t, Config{Store: s, Clock: clock, Registerer: reg})
	enqueue(t, q, queue.Item{Args: note{"x"}})
	enqueue(t, q, queue.Item{Args: note{"y"}, Options: queue.Options{Key: "k", RunAt: clock.Now().Add(time.Hour)}},
		queue.Item{Args: note{"z"}, Options: queue.Options{Key: "k"}})
	clock.Advance(90 * time.Second)
	check := func(want string, names ...string) {
		t.Helper()
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want), names...); err != nil {
			t.Error(err)
		}
	}
	check(`# HELP redundancy_queue_jobs Jobs by state.
# TYPE redundancy_queue_jobs gauge
redundancy_queue_jobs{state="available"} 2
redundancy_queue_jobs{state="dead"} 0
redundancy_queue_jobs{state="running"} 0
redundancy_queue_jobs{state="waiting"} 1
# HELP redundancy_queue_oldest_ready_seconds How long the oldest job that could run has waited for a worker.
# TYPE redundancy_queue_oldest_ready_seconds gauge
redundancy_queue_oldest_ready_seconds 90
`, "redundancy_queue_jobs", "redundancy_queue_oldest_ready_seconds")
	start(t, q, func(context.Context, queue.Job) error { return queue.Permanent(errors.New("no")) })
	if err := q.Drain(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Store: s, Registerer: reg}); err == nil {
		t.Error("a second queue registers the same metrics")
	}
}

// Each question that the dispatcher asks is answered by an index of its own.
func TestStatementCost(t *testing.T) {
	s := openStore(t)
	for name, query := range map[string]string{
		"fetch":   "SELECT id FROM jobs WHERE state = 'available' AND run_at <= 5 ORDER BY run_at, id LIMIT 8",
		"promote": "SELECT j.id FROM jobs AS j WHERE j.key = 'k' AND j.state = 'waiting' ORDER BY j.id LIMIT 1",
		"head":    "SELECT 1 FROM jobs AS h WHERE h.key = 'k' AND h.key <> '' AND h.state IN ('available', 'running')",
		"unique":  "SELECT 1 FROM jobs WHERE unique_key = 'u' AND unique_key <> '' AND state IN ('available', 'waiting')",
		"dead":    "SELECT id FROM jobs WHERE state = 'dead' ORDER BY id DESC LIMIT 10",
	} {
		var (
			a, b, c int
			plan    string
		)
		err := s.Read().QueryRowContext(context.Background(), "EXPLAIN QUERY PLAN "+query).Scan(&a, &b, &c, &plan)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			t.Fatal(err)
		}
		if !strings.Contains(plan, "INDEX jobs_") {
			t.Errorf("%s: %s", name, plan)
		}
	}
}

// An idle queue has no timer running, and with a job for later exactly one.
func TestIdleHasNoTimer(t *testing.T) {
	s, clock := openStore(t), clockwork.NewFakeClock()
	q, ran := newQueue(t, Config{Store: s, Clock: clock}), make(chan struct{}, 1)
	start(t, q, func(context.Context, queue.Job) error { ran <- struct{}{}; return nil })
	enqueue(t, q, queue.Item{Args: note{"now"}})
	receive(t, ran)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := clock.BlockUntilContext(ctx, 0); err != nil {
		t.Errorf("a timer runs while there is nothing to wait for: %v", err)
	}
	enqueue(t, q, queue.Item{Args: note{"later"}, Options: queue.Options{RunAt: clock.Now().Add(time.Hour)}})
	if err := clock.BlockUntilContext(ctx, 1); err != nil {
		t.Errorf("no timer for the next job: %v", err)
	}
}
