package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/api"
	"github.com/redundancy-app/redundancy/health"
	"github.com/redundancy-app/redundancy/store"
)

// TestHealthScoresAreScraped: what /metrics says is what /api/v1/health says,
// and only of repositories with a score.
func TestHealthScoresAreScraped(t *testing.T) {
	b := newBench(t)
	b.watched()
	got := b.doAs(http.MethodGet, "/metrics", token, "", true).body
	if want := "redundancy_health_score{repo=\"acme/other\"} 85.6\n"; !strings.Contains(got, want) || strings.Count(got, "redundancy_health_score{") != 1 {
		t.Errorf("want %s alone:\n%s", want, got)
	}
}

// fleet answers with what the test says, and counts.
type fleet struct {
	report health.Report
	err    error
	asked  int
}

func (f *fleet) Repository(context.Context, store.Repository) (health.Report, error) {
	return health.Report{}, errors.New("nobody asks for one")
}

func (f *fleet) Fleet(ctx context.Context) (health.Report, error) {
	f.asked++
	if _, ok := ctx.Deadline(); !ok {
		return health.Report{}, errors.New("there is no limit of time")
	}
	return f.report, f.err
}

func TestScoresServeScrapesForAMinute(t *testing.T) {
	v := func(f float64) *float64 { return &f }
	f, clock, registry := &fleet{}, clockwork.NewFakeClock(), prometheus.NewRegistry()
	api.New(api.Config{Gatherer: registry, Registerer: registry, Scores: f, Clock: clock, Log: zerolog.Nop()})
	scrape := func(asked int, want ...string) {
		t.Helper()
		families, err := registry.Gather()
		if err != nil {
			t.Fatalf("the scrape fails: %v", err)
		}
		var got []string
		for _, family := range families {
			for _, m := range family.GetMetric() {
				if family.GetName() == "redundancy_health_score" {
					got = append(got, fmt.Sprint(m.GetLabel()[0].GetValue(), " ", m.GetGauge().GetValue()))
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || f.asked != asked {
			t.Errorf("computed %d times, want %d: %s", f.asked, asked, diff)
		}
	}
	// Two claim the name a/b: the worst, which comes first, counts.
	f.report.Repositories = []health.Repository{{Repo: "a/b", Score: v(10)}, {Repo: "a/c", Score: v(20)}, {Repo: "a/b", Score: v(90)}, {Repo: "a/d"}}
	scrape(1, "a/b 10", "a/c 20")
	f.report.Repositories = []health.Repository{{Repo: "a/c", Score: v(30)}}
	clock.Advance(time.Minute - time.Nanosecond)
	scrape(1, "a/b 10", "a/c 20")
	clock.Advance(time.Nanosecond)
	scrape(2, "a/c 30")
	f.err = errors.New("disk is gone")
	clock.Advance(time.Minute)
	scrape(3)
	scrape(3) // and a failure is not tried again by each scrape
	f.err = nil
	clock.Advance(time.Minute)
	scrape(4, "a/c 30")
}
