package fallback

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/redundancy-app/redundancy/fallback/storm"
	"github.com/redundancy-app/redundancy/fallback/upstream"
	"github.com/redundancy-app/redundancy/githubapi/statuspage"
	"github.com/redundancy-app/redundancy/store"
)

// UpstreamStatus is a dependency that is in trouble, or was and still has
// recoveries waiting for their turns.
type UpstreamStatus struct {
	Dependency string     `json:"dependency"` // github-actions | github-api | github-api/<installation> | github-webhooks | agent:<host>
	Breaker    string     `json:"breaker"`    // open | half_open | closed: it works again, and what waited has its turns
	Since      time.Time  `json:"since"`
	Until      *time.Time `json:"until,omitempty"`    // nothing is started there before
	Incident   int64      `json:"incident,omitempty"` // the upstream incident
	Reason     string     `json:"reason,omitempty"`
	Held       int        `json:"held"` // incidents that wait for it
	// Page is what GitHub's public status page said when it was asked at PageAt.
	// It decides nothing.
	Page   *statuspage.Summary `json:"page,omitempty"`
	PageAt *time.Time          `json:"page_at,omitempty"`
}

// String is the status in a clause.
func (u UpstreamStatus) String() string {
	text := upstream.Name(u.Dependency)
	switch storm.State(u.Breaker) {
	case storm.Open:
		text += fmt.Sprintf(" has not been working since %s", u.Since.UTC().Format(timeFormat))
		if u.Until != nil {
			text += fmt.Sprintf(", tried again at %s", u.Until.UTC().Format(timeFormat))
		}
	case storm.HalfOpen:
		text += " may be working again, one recovery at a time tries"
	default:
		text += " works again"
	}
	if u.Held > 0 {
		text += "; waiting for it: " + plural(u.Held, "incident")
	}
	if u.Page != nil {
		text += fmt.Sprintf("; GitHub's status page says: %s", u.Page)
	}
	return text
}

// Subject is what an incident is about, for people: the repository and the
// workflow, or the dependency that is in trouble for all of them.
func (i Incident) Subject() string {
	if i.Signal == Upstream {
		return upstream.Name(i.Workflow) + ", which all repositories need"
	}
	return i.Repo.FullName() + " " + i.Workflow
}

// Upstreams lists the dependencies that are in trouble, by name.
func (e *Engine) Upstreams(ctx context.Context) ([]UpstreamStatus, error) {
	rows, err := e.Store.Dependencies(ctx)
	if err != nil {
		return nil, err
	}
	list := []UpstreamStatus{}
	for _, row := range rows {
		d, err := upstream.Parse(row)
		if err != nil {
			return nil, err
		}
		u, troubled, err := e.upstreamStatus(ctx, d)
		if err != nil {
			return nil, err
		}
		if troubled {
			list = append(list, u)
		}
	}
	return list, nil
}

func (e *Engine) upstreamStatus(ctx context.Context, d upstream.Dependency) (u UpstreamStatus, troubled bool, err error) {
	b := e.upstream.Now(d)
	u = UpstreamStatus{Dependency: d.Name, Breaker: string(b.State), Since: b.Since.UTC()}
	troubled = b.State != storm.Closed
	if d.UpstreamID != 0 {
		inc, ok, err := store.ReadIncident(ctx, e.Store.Read(), d.UpstreamID)
		if err != nil {
			return u, false, err
		}
		if ok && !State(inc.State).Settled() {
			troubled = true
			u.Incident, u.Reason, u.Since = inc.ID, inc.Reason, inc.BeganAt.Time()
		}
		held, err := store.HeldIncidents(ctx, e.Store.Read(), d.UpstreamID, string(Suppressed))
		if err != nil {
			return u, false, err
		}
		for i := range held {
			if held[i].HeldBy == gateUpstream {
				u.Held++
			}
		}
	}
	if !b.Until.IsZero() && b.State == storm.Open {
		until := b.Until.UTC()
		u.Until = &until
	}
	var page statuspage.Summary
	if d.Page != "" && d.PageAt >= store.MillisOf(u.Since) && json.Unmarshal([]byte(d.Page), &page) == nil && page.Indicator != "" {
		u.Page, u.PageAt = &page, moment(d.PageAt)
	}
	return u, troubled, nil
}

// Trouble names what is not working upstream, "" when all is well.
func (e *Engine) Trouble(ctx context.Context) string {
	list, err := e.Upstreams(ctx)
	if err != nil {
		return "" // the check of the database says so
	}
	var parts []string
	for _, u := range list {
		parts = append(parts, u.String())
	}
	return strings.Join(parts, "; ")
}

// upstreamGauge reads the breakers when it is scraped.
type upstreamGauge struct{ engine *Engine }

var (
	dependencyDesc = prometheus.NewDesc("redundancy_dependency_open",
		"1 while a dependency is not used, 0.5 while one recovery at a time tries it, 0 when it works; installations' rate limits are left out.", []string{"dependency"}, nil)
	heldDesc = prometheus.NewDesc("redundancy_upstream_held_incidents", "Incidents that wait for a dependency.", []string{"dependency"}, nil)
)

// Describe implements prometheus.Collector.
func (upstreamGauge) Describe(c chan<- *prometheus.Desc) { c <- dependencyDesc; c <- heldDesc }

// Collect implements prometheus.Collector.
func (g upstreamGauge) Collect(c chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	rows, err := g.engine.Store.Dependencies(ctx)
	for _, row := range rows {
		var u UpstreamStatus
		var d upstream.Dependency
		if upstream.IsLimit(row.Name) { // as many as there are installations
			continue
		}
		if d, err = upstream.Parse(row); err == nil {
			u, _, err = g.engine.upstreamStatus(ctx, d)
		}
		if err != nil {
			break
		}
		open := map[string]float64{string(storm.Open): 1, string(storm.HalfOpen): 0.5}[u.Breaker]
		c <- prometheus.MustNewConstMetric(dependencyDesc, prometheus.GaugeValue, open, row.Name)
		c <- prometheus.MustNewConstMetric(heldDesc, prometheus.GaugeValue, float64(u.Held), row.Name)
	}
	if err != nil {
		c <- prometheus.NewInvalidMetric(dependencyDesc, err)
	}
}
