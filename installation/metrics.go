package installation

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/store"
)

// collector counts at scrape time, so that the numbers are those of the store
// and not of what this process happened to see.
type collector struct {
	store *store.Store
	log   zerolog.Logger
}

var installationsDesc = prometheus.NewDesc("redundancy_installations",
	"Installations of the App by state; suspended and deleted ones are dormant.", []string{"state"}, nil)

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) { ch <- installationsDesc }

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	counts, err := c.store.InstallationCounts(ctx)
	if err != nil {
		c.log.Error().Err(err).Msg("could not count installations")
		return
	}
	for _, s := range []store.InstallationState{store.InstallationActive, store.InstallationSuspended, store.InstallationDeleted} {
		ch <- prometheus.MustNewConstMetric(installationsDesc, prometheus.GaugeValue, float64(counts[s]), string(s))
	}
}
