package embedded

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/redundancy-app/redundancy/queue"
)

// Outcomes of an attempt, as redundancy_queue_attempts_total has them.
const (
	outcomeDone       = "done"
	outcomeDropped    = "dropped"
	outcomeRetried    = "retried"
	outcomePanicked   = "panicked"
	outcomeSnoozed    = "snoozed"
	outcomeHandedBack = "handed_back"
	outcomeDead       = "dead"
)

// scrapeTimeout keeps a scrape from waiting for a stuck disk.
const scrapeTimeout = 5 * time.Second

// metrics counts attempts as they happen and jobs when somebody scrapes.
type metrics struct {
	q        *Queue
	attempts *prometheus.CounterVec
	duration *prometheus.HistogramVec
	jobs     *prometheus.Desc
	oldest   *prometheus.Desc
}

func newMetrics(q *Queue) *metrics {
	return &metrics{
		q: q,
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "redundancy_queue_attempts_total",
			Help: "Attempts at jobs, by kind and how they ended.",
		}, []string{"kind", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "redundancy_queue_attempt_duration_seconds",
			Help:    "How long attempts took.",
			Buckets: []float64{.001, .005, .025, .1, .25, 1, 2.5, 10, 30, 120, 600},
		}, []string{"kind"}),
		jobs: prometheus.NewDesc("redundancy_queue_jobs",
			"Jobs by state.", []string{"state"}, nil),
		oldest: prometheus.NewDesc("redundancy_queue_oldest_ready_seconds",
			"How long the oldest job that could run has waited for a worker.", nil, nil),
	}
}

// label keeps kinds of other versions, which come from the database, out of
// the label values.
func (q *Queue) label(kind string) string {
	if _, ok := q.workers[kind]; ok {
		return kind
	}
	return "unknown"
}

// Describe implements [prometheus.Collector].
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	m.attempts.Describe(ch)
	m.duration.Describe(ch)
	ch <- m.jobs
	ch <- m.oldest
}

// Collect implements [prometheus.Collector].
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	m.attempts.Collect(ch)
	m.duration.Collect(ch)
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	s, err := m.q.Stats(ctx)
	if err != nil {
		// An invalid metric would fail the whole scrape, and hide everything
		// else just when somebody looks.
		m.q.cfg.Log.Error().Err(err).Msg("cannot count jobs for the metrics")
		return
	}
	for state, n := range map[queue.State]int{
		queue.Available: s.Available, queue.Waiting: s.Waiting, queue.Running: s.Running, queue.Dead: s.Dead,
	} {
		ch <- prometheus.MustNewConstMetric(m.jobs, prometheus.GaugeValue, float64(n), string(state))
	}
	age := 0.0
	if !s.OldestReady.IsZero() {
		age = max(0, m.q.cfg.Clock.Since(s.OldestReady).Seconds())
	}
	ch <- prometheus.MustNewConstMetric(m.oldest, prometheus.GaugeValue, age)
}
