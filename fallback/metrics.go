package fallback

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/redundancy-app/redundancy/store"
)

type metrics struct {
	steps   *prometheus.CounterVec
	latency prometheus.Histogram
}

func newMetrics(s *store.Store, r prometheus.Registerer) *metrics {
	m := &metrics{
		steps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "redundancy_steps_total", Help: "Recovery steps by kind and outcome.",
		}, []string{"kind", "outcome"}),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "redundancy_detection_to_action_seconds",
			Help:    "From the opening of an incident to the moment its first step had acted.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800},
		}),
	}
	if r != nil {
		r.MustRegister(m.steps, m.latency, incidentGauge{s})
	}
	return m
}

// step counts a try once it has ended and that is on disk.
func (m *metrics) step(tx *store.Tx, st *store.Step) {
	if st.State == store.StepIntent || st.State == store.StepStarted {
		return
	}
	kind, outcome := st.Kind, string(st.State)
	tx.OnCommit(func() { m.steps.WithLabelValues(kind, outcome).Inc() })
}

// acted measures how long the first step of an incident took to act.
func (m *metrics) acted(tx *store.Tx, sc *scope, st *store.Step) {
	for i := range sc.steps {
		if other := &sc.steps[i]; other.ID != st.ID && other.StartedAt != 0 {
			return
		}
	}
	since := time.Duration(st.StartedAt-sc.inc.OpenedAt) * time.Millisecond
	tx.OnCommit(func() { m.latency.Observe(since.Seconds()) })
}

// incidentGauge counts incidents by state when it is scraped: the table is the
// truth, also after a restart.
type incidentGauge struct{ store *store.Store }

var incidentsDesc = prometheus.NewDesc("redundancy_incidents", "Incidents by state.", []string{"state"}, nil)

// Describe implements prometheus.Collector.
func (incidentGauge) Describe(c chan<- *prometheus.Desc) { c <- incidentsDesc }

// Collect implements prometheus.Collector.
func (g incidentGauge) Collect(c chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	counts, err := g.store.IncidentStates(ctx)
	if err != nil {
		c <- prometheus.NewInvalidMetric(incidentsDesc, err)
		return
	}
	for _, s := range States {
		c <- prometheus.MustNewConstMetric(incidentsDesc, prometheus.GaugeValue, float64(counts[string(s)]), string(s))
	}
}
