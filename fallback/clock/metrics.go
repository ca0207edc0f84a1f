package clock

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/redundancy-app/redundancy/store"
)

// tickAnswered is the outcome of a tick whose run came in time; the others are
// those of package store.
const tickAnswered store.TickOutcome = "answered"

type metrics struct {
	lag   prometheus.Histogram
	ticks *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "redundancy_schedule_lag_seconds",
			Help:    "From a tick of a watched workflow's schedule to the creation of the run that answers it.",
			Buckets: []float64{15, 60, 300, 900, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 12 * 3600, 24 * 3600, 48 * 3600},
		}),
		ticks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "redundancy_ticks_total",
			Help: "Ticks of watched schedules by outcome: answered, late, suspected, missed, dropped, unwatched. One that is suspected has another outcome afterwards, and counts as both.",
		}, []string{"outcome"}),
	}
	if r != nil {
		r.MustRegister(m.lag, m.ticks)
	}
	return m
}

// tick counts the outcome of a tick once it is on disk.
func (m *metrics) tick(tx *store.Tx, outcome store.TickOutcome) {
	tx.OnCommit(func() { m.ticks.WithLabelValues(string(outcome)).Inc() })
}

// Became records what the incident of a tick has found out about it, and counts
// it when that is news.
func (c *Clock) Became(ctx context.Context, tx *store.Tx, t store.Tick) error {
	known, _, err := store.ReadTick(ctx, tx, t.RepoID, t.WorkflowPath, t.TickAt, t.Cron)
	if err != nil {
		return err
	}
	if known.Outcome != t.Outcome {
		c.metrics.tick(tx, t.Outcome)
	}
	return tx.SaveTick(ctx, t)
}

func (m *metrics) lateness(tx *store.Tx, lag time.Duration) {
	tx.OnCommit(func() { m.lag.Observe(max(lag, 0).Seconds()) })
}
