package api

import (
	"context"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

const (
	// scoresReused is how long scores serve scrapes before they are computed
	// again: several that scrape, or one that does so every second, cost no more.
	scoresReused = time.Minute
	// scoresWithin is below the ten seconds that Prometheus waits for a scrape.
	// The figures themselves stop after eight and go on at the next one.
	scoresWithin = 9 * time.Second
)

var healthScoreDesc = prometheus.NewDesc("redundancy_health_score",
	"Health score of a repository from 0 to 100; only of those that have one, at most the 1,000 worst.", []string{"repo"}, nil)

// scoreCollector shows the scores of repositories. They are computed when
// somebody scrapes, from what the answer about health is made of.
type scoreCollector struct {
	scores Scores
	clock  clockwork.Clock
	log    zerolog.Logger

	mu    sync.Mutex
	at    time.Time
	known map[string]float64 // by owner/name; of the last time that they could be computed
}

// Describe implements prometheus.Collector.
func (c *scoreCollector) Describe(ch chan<- *prometheus.Desc) { ch <- healthScoreDesc }

// Collect implements prometheus.Collector. What cannot be computed must not
// cost the scrape, which has the metrics that tell of the trouble.
func (c *scoreCollector) Collect(ch chan<- prometheus.Metric) {
	for repo, score := range c.now() {
		ch <- prometheus.MustNewConstMetric(healthScoreDesc, prometheus.GaugeValue, score, repo)
	}
}

func (c *scoreCollector) now() map[string]float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.at.IsZero() && c.clock.Since(c.at) < scoresReused {
		return c.known
	}
	ctx, cancel := context.WithTimeout(context.Background(), scoresWithin)
	defer cancel()
	rep, err := c.scores.Fleet(ctx)
	c.at = c.clock.Now() // what fails is not tried again at once either
	if err != nil {
		c.log.Error().Err(err).Msg("health scores could not be computed for a scrape")
		c.known = nil // old ones would look like new ones
		return nil
	}
	// By name: during a rename two repositories can claim one, and equal series
	// would fail the whole scrape. The worst comes first and counts.
	c.known = make(map[string]float64, len(rep.Repositories))
	for _, r := range rep.Repositories {
		if _, ok := c.known[r.Repo]; !ok && r.Score != nil {
			c.known[r.Repo] = *r.Score
		}
	}
	return c.known
}
