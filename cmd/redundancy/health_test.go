package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/api"
	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/health"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/risk"
)

func TestHealthIsReadable(t *testing.T) {
	v := func(f float64) *float64 { return &f }
	h := api.Health{Reasons: []string{"acme/site x.yml: failing"}, EarlyWarning: &risk.QueueWarning{Warning: true, Text: "GitHub Actions is slow"}}
	h.AsOf, h.Score, h.Availability, h.Trend = time.Unix(1, 0), v(82.5), v(0.99876), &health.Trend{ThisWeek: 80, WeekBefore: 91.2, Change: -11.2}
	h.Covered, h.RepositoriesTotal = 1, 3
	h.Repositories = []health.Repository{{Repo: "acme/site", Score: v(82.5), Worst: "x.yml", Open: 1, Trend: h.Trend}}
	h.Targets = []health.Target{
		{Workflow: "x.yml", Score: v(70), Samples: 50, Successes: 45, Figures: health.Figures{MTTD: v(61), MTTR: v(3900)},
			Deductions: []health.Deduction{{Points: 4.5, Cause: "5 of the last 50 runs failed", Links: []health.Link{{Kind: "run", URL: "https://example.com/7"}}},
				{Points: 2, Cause: "incidents of 28 days lasted long", Links: []health.Link{{Kind: "incident", ID: 12, URL: "/api/v1/incidents/12"}}}}},
		{Workflow: "new.yml", WhyNoScore: "not enough runs: 1 of 10"},
	}
	h.Risk = []risk.Assessment{{Workflow: "x.yml", Text: "not enough signal: 50 of 100 runs", Anomaly: &risk.DurationAnomaly{Seconds: 7200, Median: 60, URL: "https://example.com/8"}}}
	for _, tt := range []struct {
		name       string
		one        bool
		want, lack []string
	}{
		{"everything", false, []string{
			"not healthy\n  acme/site x.yml: failing\n", "score 82.5 of 100 (without open incidents: this week 80.0, the week before 91.2); availability 99.88 %\n",
			"1 of 3 repositories were looked at so far", "early warning: GitHub Actions is slow\n", "acme/site   82.5   -11.2  -             1     x.yml\n",
		}, []string{"MTTR", "risk"}},
		{"a repository", true, []string{
			"x.yml     70.0   -      45 of 50  -             1m1s  1h5m\n", "x.yml: 70.0 of 100\n  -4.5  5 of the last 50 runs failed https://example.com/7\n", "lasted long; redundancy explain 12\n",
			"new.yml: none yet: not enough runs: 1 of 10\n", "risk of the next run, and lasting changes, for information only\n  x.yml: not enough signal: 50 of 100 runs\n",
			"the last success took 2h, usual is 1m: https://example.com/8\n",
		}, []string{"REPOSITORY"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := printHealth(&out, h, tt.one); err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in\n%s", want, out.String())
				}
			}
			for _, lack := range tt.lack {
				if strings.Contains(out.String(), lack) {
					t.Errorf("%q in\n%s", lack, out.String())
				}
			}
		})
	}
	broken := api.BrokenConfiguration{Repo: "acme/site", Source: "own", File: ".github/redundancy.yml", Line: 3, Column: 5, Message: "unknown key", Errors: 1}
	none := api.Health{Healthy: true, Broken: []api.BrokenConfiguration{broken}}
	none.AsOf, none.WhyNoScore = time.Unix(1, 0), "the configuration of acme/site is broken: "+broken.String()
	inForce := none
	inForce.Score, inForce.WhyNoScore = v(90), ""
	for want, h := range map[string]api.Health{
		"score none yet: the configuration of acme/site is broken: .github/redundancy.yml:3:5: unknown key; nothing is watched until it is repaired; availability -\n": none,
		"score 90.0 of 100; availability -\nconfiguration of acme/site: .github/redundancy.yml:3:5: unknown key; ":                                                     inForce,
	} {
		var out bytes.Buffer
		if err := printHealth(&out, h, true); err != nil || !strings.Contains(out.String(), want) || strings.Count(out.String(), "unknown key") != 1 {
			t.Errorf("no %q in\n%s (%v)", want, out.String(), err)
		}
	}
	var beside bytes.Buffer
	shown := fallback.Incident{ID: 4, Repo: queue.Repo{Owner: "acme", Name: "site"}, Workflow: "x.yml"}
	err := printHealth(&beside, api.Health{Healthy: true, Suspected: []fallback.Incident{shown}, Off: []fallback.Incident{shown}, Paused: []fallback.Pause{{ID: 7, Active: true, Actor: "ann", Reason: "move"}}}, false)
	want := "healthy\npaused: everything until somebody resumes, by ann (pause 7): move\nsuspected, not confirmed yet: acme/site x.yml (incident 4)\ndisabled by a person: acme/site x.yml (incident 4)\n"
	if err != nil || beside.String() != want {
		t.Errorf("%s, %v", beside.String(), err)
	}
	var old bytes.Buffer
	if err := printHealth(&old, api.Health{Healthy: true}, false); err != nil || old.String() != "healthy\n" {
		t.Errorf("of a server without scores: %q, %v", old.String(), err)
	}
}

func TestSpan(t *testing.T) {
	for seconds, want := range map[float64]string{0: "0s", 59.6: "1m", 61: "1m1s", 3600: "1h", 3661: "1h1m", -7261: "-2h1m", 86400: "24h", 600: "10m"} {
		if got := span(&seconds); got != want {
			t.Errorf("%v s: %q, want %q", seconds, got, want)
		}
	}
	if span(nil) != "-" {
		t.Error("nothing is no time")
	}
}
