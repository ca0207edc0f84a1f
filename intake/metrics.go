package intake

import (
	"context"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/redundancy-app/redundancy/store"
)

// The outcomes of a webhook request.
const (
	outcomeStored      = "stored"
	outcomeDuplicate   = "duplicate"
	outcomeUnsigned    = "unsigned"
	outcomeTooLarge    = "too_large"
	outcomeSlow        = "slow"
	outcomeInvalid     = "invalid"
	outcomeMethod      = "method"
	outcomeUnavailable = "unavailable"
)

func newOutcomes(reg prometheus.Registerer) (*prometheus.CounterVec, error) {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "redundancy_webhooks_total",
		Help: "Webhook requests by outcome.",
	}, []string{"outcome"})
	for _, o := range []string{outcomeStored, outcomeDuplicate, outcomeUnsigned, outcomeTooLarge, outcomeSlow, outcomeInvalid, outcomeMethod, outcomeUnavailable} {
		c.WithLabelValues(o) // a rate needs the zero before the first one
	}
	return c, reg.Register(c)
}

func newBatchSizes(reg prometheus.Registerer) (prometheus.Histogram, error) {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "redundancy_inbox_batch_size",
		Help:    "Writes committed together, each batch costing one fsync.",
		Buckets: prometheus.ExponentialBuckets(1, 2, 9),
	})
	return h, reg.Register(h)
}

// scrapeTimeout bounds the query behind a scrape.
const scrapeTimeout = 2 * time.Second

// depth reads the inbox when it is scraped.
type depth struct {
	store       *store.Store
	clock       clockwork.Clock
	count, aged *prometheus.Desc
}

func newDepth(s *store.Store, clock clockwork.Clock) *depth {
	return &depth{
		store: s, clock: clock,
		count: prometheus.NewDesc("redundancy_inbox_depth", "Deliveries stored and not handled yet.", nil, nil),
		aged:  prometheus.NewDesc("redundancy_inbox_oldest_age_seconds", "Age of the oldest delivery that is not handled; 0 when there is none.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (d *depth) Describe(ch chan<- *prometheus.Desc) { ch <- d.count; ch <- d.aged }

// Collect implements prometheus.Collector.
func (d *depth) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	n, oldest, err := d.store.PendingDeliveries(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(d.count, err)
		return
	}
	age := 0.0
	if !oldest.IsZero() {
		age = max(0, d.clock.Since(oldest).Seconds())
	}
	ch <- prometheus.MustNewConstMetric(d.count, prometheus.GaugeValue, float64(n))
	ch <- prometheus.MustNewConstMetric(d.aged, prometheus.GaugeValue, age)
}
