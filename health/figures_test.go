package health

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/redundancy-app/redundancy/store"
)

func TestFigures(t *testing.T) {
	f := base(nil)
	f.Since = now.Add(-10 * day)
	f.Incidents = []store.IncidentSpan{
		// Noticed an hour after it began, an hour more to confirm, twelve in all.
		{ID: 5, BeganAt: ago(36 * time.Hour), OpenedAt: ago(35 * time.Hour), ConfirmedAt: ago(34 * time.Hour), SettledAt: ago(24 * time.Hour)},
		// At the same time: no more outage, but an incident.
		{ID: 4, BeganAt: ago(30 * time.Hour), OpenedAt: ago(30 * time.Hour), ConfirmedAt: ago(30 * time.Hour), SettledAt: ago(18 * time.Hour)},
		// Never confirmed.
		{ID: 3, BeganAt: ago(99 * time.Hour), OpenedAt: ago(99 * time.Hour), SettledAt: ago(50 * time.Hour)},
		// Open for six hours.
		{ID: 2, OpenedAt: ago(6 * time.Hour), ConfirmedAt: ago(6 * time.Hour)},
		// Over before it was watched.
		{ID: 1, OpenedAt: ago(12 * day), ConfirmedAt: ago(12 * day), SettledAt: ago(11 * day)},
		// GitHub's clock was ahead: it began before we heard of it all the same.
		{ID: 6, BeganAt: ago(59 * time.Minute), OpenedAt: ago(time.Hour), ConfirmedAt: ago(time.Hour), SettledAt: ago(time.Hour)},
	}
	got := figures(f, now)
	want := Figures{
		Availability: number(1 - 24.0/240), DownSeconds: 24 * 3600, Incidents: 4, Open: 1,
		MTTD: number(2 * 3600 / 4.0), MTTR: number((12 + 12 + 0) * 3600 / 3.0),
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Error(diff)
	}
	f.Since, f.Incidents = now, nil
	if got := figures(f, now); got.Availability != nil || got.MTTD != nil || got.MTTR != nil {
		t.Errorf("figures of no time: %+v", got)
	}
}

func number(v float64) *float64 { return &v }

func TestTrend(t *testing.T) {
	daily := func(this, before string) *Facts {
		f := base(nil)
		f.Scheduled = false
		for i, c := range this {
			r := outcomes(string(c))[0]
			r.CreatedAt = ago(time.Duration(i)*day + time.Hour)
			f.Runs = append(f.Runs, r)
		}
		for i, c := range before {
			r := outcomes(string(c))[0]
			r.CreatedAt = ago(time.Duration(i+7)*day + time.Hour)
			f.Runs = append(f.Runs, r)
		}
		return f
	}
	for _, tt := range []struct {
		name         string
		this, before string
		want         *Trend
	}{
		{"better", "SSSSSSS", "FFSSSSS", &Trend{100, 87.1, 12.9}}, // 100 - 45 x 2/7
		{"worse", "SSSSF", "SSSSS", &Trend{91, 100, -9}},
		{"too few this week", "SSSS", "SSSSS", nil},
		{"too few before", "SSSSSSS", "SSSSc", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, trend(daily(tt.this, tt.before), now)); diff != "" {
				t.Error(diff)
			}
		})
	}
	// What is the same every week scores as every week does.
	same := daily("SSFSSSF", "SSFSSSF")
	if score := Score(same, now).Score; *score != trend(same, now).ThisWeek {
		t.Errorf("the score is %v, each week %v", *score, trend(same, now))
	}
	late := daily("SSSSSSS", "SSSSSSS")
	late.Scheduled = true
	for i := range late.Runs[:7] {
		late.Runs[i].TickAt = late.Runs[i].CreatedAt - store.Millis(time.Hour.Milliseconds())
	}
	if diff := cmp.Diff(&Trend{90, 100, -10}, trend(late, now)); diff != "" { // 100 - 20 x 1/2
		t.Error(diff)
	}
}

func TestSummarise(t *testing.T) {
	target := func(name string, score float64) Target {
		one := Target{Workflow: name, Figures: Figures{Availability: number(0.5), Open: 1}}
		if score >= 0 {
			one.Score = &score
		}
		return one
	}
	got := Summarise("acme/site", []Target{target("a", 100), target("b", 100), target("c", 40), target("new", -1)})
	want := Repository{Repo: "acme/site", Score: number(60), Targets: 4, Scored: 3, Open: 4, Worst: "c", Availability: number(0.5)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// A trend is put together as the score is: half the mean, half the worst.
	week := func(this, before float64) Target { return Target{Trend: newTrend(this, before)} }
	if diff := cmp.Diff(newTrend(70, 85), Summarise("acme/site", []Target{week(100, 100), week(60, 80), week(80, 90)}).Trend); diff != "" {
		t.Error(diff)
	}
	if got := Summarise("acme/site", []Target{target("new", -1)}); got.Score != nil || got.WhyNoScore != "none of its workflows has enough runs yet" {
		t.Errorf("%+v", got)
	}
	if got := Summarise("acme/site", nil); got.Score != nil || got.WhyNoScore != "no workflow is watched" {
		t.Errorf("%+v", got)
	}
}
