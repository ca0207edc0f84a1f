package embedded

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// BenchmarkWork enqueues in transactions of different sizes and works
// everything off, with fsync.
func BenchmarkWork(b *testing.B) {
	for _, batch := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			q := newQueue(b, Config{Store: openStore(b)})
			done := make(chan struct{}, 1024)
			start(b, q, func(context.Context, queue.Job) error { done <- struct{}{}; return nil })
			items := make([]queue.Item, batch)
			for i := range items {
				items[i] = queue.Item{Args: note{"a delivery of the usual kind"}}
			}
			b.ResetTimer()
			go func() {
				for n := 0; n < b.N; n += batch {
					enqueue(b, q, items[:min(batch, b.N-n)]...)
				}
			}()
			for range b.N {
				<-done
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
		})
	}
}

// BenchmarkEnqueue is the part of a webhook batch that the queue costs.
func BenchmarkEnqueue(b *testing.B) {
	for name, key := range map[string]string{"plain": "", "keyed": "k%d"} {
		b.Run(name, func(b *testing.B) {
			q := newQueue(b, Config{Store: openStore(b)})
			items := make([]queue.Item, 256)
			for i := range items {
				items[i] = queue.Item{Args: note{"a delivery of the usual kind"}}
				if key != "" {
					items[i].Options.Key = fmt.Sprintf(key, i%32)
				}
			}
			for b.Loop() {
				enqueue(b, q, items...)
			}
			b.ReportMetric(float64(b.N*len(items))/b.Elapsed().Seconds(), "jobs/s")
		})
	}
}

// BenchmarkBacklogOfOneKey fetches, ends and promotes with many jobs of one
// key waiting; the time must not grow with the backlog.
func BenchmarkBacklogOfOneKey(b *testing.B) {
	for _, backlog := range []int{100, 100_000} {
		b.Run(fmt.Sprintf("backlog=%d", backlog), func(b *testing.B) {
			q := newQueue(b, Config{Store: openStore(b)})
			items := make([]queue.Item, 1000)
			for i := range items {
				items[i] = queue.Item{Args: note{"x"}, Options: queue.Options{Key: "hot"}}
			}
			for n := 0; n < backlog; n += len(items) {
				enqueue(b, q, items[:min(len(items), backlog-n)]...)
			}
			for b.Loop() {
				err := q.cfg.Store.Update(context.Background(), func(ctx context.Context, tx *store.Tx) error {
					now := store.MillisOf(time.Now())
					jobs, err := tx.TakeJobs(ctx, now, 16)
					if err != nil || len(jobs) != 1 {
						return fmt.Errorf("took %d: %w", len(jobs), err)
					}
					jobs[0].State = ""
					if err := tx.EndJobs(ctx, jobs); err != nil {
						return err
					}
					return tx.AddJobs(ctx, now, []store.Job{{Kind: "test.note", Args: "{}", Key: "hot", RunAt: now, MaxAttempts: 1}})
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
