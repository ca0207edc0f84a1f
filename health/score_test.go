package health

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/redundancy-app/redundancy/store"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) store.Millis { return store.MillisOf(now.Add(-d)) }

// outcomes are runs, the newest first and hourly: S success, F failure,
// T timed_out, U startup_failure, c cancelled, s skipped, a action_required.
func outcomes(s string) (runs []store.PastRun) {
	words := map[rune]string{'S': "success", 'F': "failure", 'T': "timed_out", 'U': "startup_failure", 'c': "cancelled", 's': "skipped", 'a': "action_required"}
	for i, c := range s {
		at := ago(time.Duration(i+1) * time.Hour)
		runs = append(runs, store.PastRun{RunID: int64(1000 - i), Attempt: 1, Conclusion: words[c], CreatedAt: at, EndedAt: at + 60_000, URL: fmt.Sprintf("https://example.com/%d", 1000-i)})
	}
	return runs
}

func scheduled(runs []store.PastRun, late int) []store.PastRun {
	for i := range runs {
		delay := 15 * time.Minute
		if i < late {
			delay += time.Millisecond
		}
		runs[i].TickAt, runs[i].TickCron = runs[i].CreatedAt-store.Millis(delay.Milliseconds()), "0 * * * *|UTC"
	}
	return runs
}

func base(runs []store.PastRun) *Facts {
	return &Facts{Repo: "acme/site", Workflow: "x.yml", Since: now.Add(-100 * day), Grace: 15 * time.Minute, Scheduled: true, Runs: runs}
}

func TestScore(t *testing.T) {
	for _, tt := range []struct {
		name       string
		facts      *Facts
		score      float64 // -1 none
		why        string
		deductions string
	}{
		{"all well", base(outcomes(strings.Repeat("S", 50))), 100, "", ""},
		{"nothing", base(nil), -1, "not enough runs: 0 of 10", ""},
		{"one run short", base(outcomes("FSSSSSSSS")), -1, "not enough runs: 9 of 10", ""},
		{"at the limit", base(outcomes("FSSSSSSSSS")), 95.5, "", "runs -4.5: 1 of the last 10 runs failed (run 1000)"},
		{"every kind of failure", base(outcomes("FTUSSSSSSS")), 86.5, "", "runs -13.5: 3 of the last 10 runs failed (run 1000, run 999, run 998)"},
		{"cancelled is neutral", base(outcomes("cccccccccsaSSSSSSSSSS")), 100, "", ""},
		{"cancelled does not count as a sample", base(outcomes("cccccccccSSSSSSSSS")), -1, "not enough runs: 9 of 10", ""},
		{"only the last fifty count", base(outcomes(strings.Repeat("S", 50) + "FFFF")), 100, "", ""},
		{"everything failed", base(outcomes(strings.Repeat("F", 50))), 55, "", "runs -45: 50 of the last 50 runs failed (run 1000, run 999, run 998, run 997, run 996)"},
		{"late ticks count half", base(scheduled(outcomes(strings.Repeat("S", 20)), 2)), 99, "", "punctuality -1: of the last 20 ticks 0 got no run and 2 a late one (more than 15m0s) (run 1000, run 999)"},
		{"on the minute of the grace is in time", base(scheduled(outcomes(strings.Repeat("S", 20)), 0)), 100, "", ""},
		{"missed ticks count in full", func() *Facts {
			f := base(scheduled(outcomes(strings.Repeat("S", 16)), 0))
			for i, o := range []store.TickOutcome{store.TickMissed, store.TickDropped, store.TickMissed, store.TickLate, store.TickSuspected, store.TickUnwatched} {
				f.Ticks = append(f.Ticks, store.Tick{TickAt: ago(time.Duration(i)*time.Minute + time.Minute), Cron: "c", Outcome: o, IncidentID: int64(7 + i)})
			}
			return f // 16 answered, 3 without a run, 1 late, 2 undecided
		}(), 96.5, "", "punctuality -3.5: of the last 20 ticks 3 got no run and 1 a late one (more than 15m0s) (incident 7, incident 8, incident 9, incident 10)"},
		{"a tick that was missed and then answered is late", func() *Facts {
			f := base(scheduled(outcomes(strings.Repeat("S", 20)), 1))
			f.Ticks = []store.Tick{{TickAt: f.Runs[0].TickAt, Cron: f.Runs[0].TickCron, Outcome: store.TickMissed, IncidentID: 7}}
			return f
		}(), 99.5, "", "punctuality -0.5: of the last 20 ticks 0 got no run and 1 a late one (more than 15m0s) (incident 7)"},
		{"nine ticks are too few", base(append(scheduled(outcomes("SSSSSSSSS"), 9), outcomes("SS")...)), 100, "", ""},
		{"a workflow without a schedule is never late", func() *Facts {
			f := base(scheduled(outcomes(strings.Repeat("S", 20)), 20))
			f.Scheduled = false
			return f
		}(), 100, "", ""},
		{"the worst open incident", func() *Facts {
			f := base(outcomes(strings.Repeat("S", 20)))
			f.Incidents = []store.IncidentSpan{
				{ID: 9, State: "suspected", Reason: "late", OpenedAt: ago(time.Minute)},
				{ID: 8, State: "exhausted", Reason: "no step is left", OpenedAt: ago(time.Hour), ConfirmedAt: ago(time.Hour), RunURL: "https://example.com/8"},
				{ID: 7, State: "recovering", Reason: "busy", OpenedAt: ago(time.Hour), ConfirmedAt: ago(time.Hour)},
			}
			return f
		}(), 75, "", "incident -25: incident 8 is exhausted: no step is left (incident 8, run 0)"},
		{"paused by a person", func() *Facts {
			f := base(outcomes(strings.Repeat("S", 20)))
			f.Incidents = []store.IncidentSpan{{ID: 9, State: "suppressed", HeldBy: "pause", Reason: "until Monday", OpenedAt: ago(time.Minute)}}
			return f
		}(), 95, "", "incident -5: incident 9 is paused: until Monday (incident 9)"},
		{"disabled by a person", func() *Facts {
			f := base(outcomes(strings.Repeat("S", 20)))
			f.Incidents = []store.IncidentSpan{{ID: 9, State: "exhausted", Signal: "disabled", Conclusion: "disabled_manually", Reason: "off", OpenedAt: ago(time.Minute)}}
			return f
		}(), 95, "", "incident -5: incident 9 is paused: off (incident 9)"},
		{"suppressed by anything else", func() *Facts {
			f := base(outcomes(strings.Repeat("S", 20)))
			f.Incidents = []store.IncidentSpan{{ID: 9, State: "suppressed", HeldBy: "breaker", Reason: "open", OpenedAt: ago(time.Minute)}}
			return f
		}(), 80, "", "incident -20: incident 9 is suppressed: open (incident 9)"},
		{"repairs that take half a day", func() *Facts {
			f := base(outcomes(strings.Repeat("S", 20)))
			f.Incidents = []store.IncidentSpan{
				{ID: 9, State: "recovered", BeganAt: ago(48 * time.Hour), OpenedAt: ago(47 * time.Hour), ConfirmedAt: ago(46 * time.Hour), SettledAt: ago(30 * time.Hour)},
				{ID: 8, State: "healthy", BeganAt: ago(106 * time.Hour), OpenedAt: ago(106 * time.Hour), ConfirmedAt: ago(106 * time.Hour), SettledAt: ago(100 * time.Hour)},
			}
			return f
		}(), 95, "", "repair -5: incidents of 28 days lasted 12h0m0s on average (incident 9)"},
		{"never below zero", func() *Facts {
			f := base(scheduled(outcomes(strings.Repeat("F", 10)), 0))
			for i := range 500 {
				f.Ticks = append(f.Ticks, store.Tick{TickAt: ago(time.Duration(i) * time.Second), Cron: "c", Outcome: store.TickMissed})
			}
			f.Incidents = []store.IncidentSpan{
				{ID: 9, State: "in_doubt", Reason: "?", OpenedAt: ago(time.Hour), ConfirmedAt: ago(time.Hour)},
				{ID: 8, State: "healthy", OpenedAt: ago(20 * day), ConfirmedAt: ago(20 * day), SettledAt: ago(day)},
			}
			return f
		}(), 0, "", "runs -45: 10 of the last 10 runs failed (run 1000, run 999, run 998, run 997, run 996); " +
			"incident -25: incident 9 is in_doubt: ? (incident 9); " +
			"punctuality -20: of the last 50 ticks 50 got no run and 0 a late one (more than 15m0s) (); " +
			"repair -10: incidents of 28 days lasted 456h0m0s on average (incident 8)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Score(tt.facts, now)
			if score := -1.0; got.Score != nil && *got.Score != tt.score || got.Score == nil && score != tt.score || got.WhyNoScore != tt.why {
				t.Errorf("score %v %q, want %v %q", got.Score, got.WhyNoScore, tt.score, tt.why)
			}
			if diff := cmp.Diff(tt.deductions, said(got.Deductions)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestScoreAddsUp: whatever was seen, the score is within 0 and 100 and is what
// the deductions leave, none of which is above its weight.
func TestScoreAddsUp(t *testing.T) {
	weights := map[string]float64{"runs": TheFormula.Runs, "punctuality": TheFormula.Punctuality, "incident": TheFormula.Incident, "repair": TheFormula.Repair}
	rapid.Check(t, func(t *rapid.T) {
		f := base(scheduled(outcomes(rapid.StringMatching(`[SFTUcsa]{0,80}`).Draw(t, "runs")), 0))
		for i := range rapid.IntRange(0, 40).Draw(t, "ticks") {
			o := rapid.SampledFrom([]store.TickOutcome{store.TickMissed, store.TickDropped, store.TickLate, store.TickSuspected}).Draw(t, "outcome")
			f.Ticks = append(f.Ticks, store.Tick{TickAt: ago(time.Duration(i) * time.Minute), Cron: "c", Outcome: o})
		}
		for i := range rapid.IntRange(0, 5).Draw(t, "incidents") {
			inc := store.IncidentSpan{ID: int64(i + 1), OpenedAt: store.Millis(rapid.Int64Range(int64(ago(40*day)), int64(ago(0))).Draw(t, "opened"))}
			inc.State = rapid.SampledFrom([]string{"exhausted", "failing", "suspected", "recovered"}).Draw(t, "state")
			if inc.State != "suspected" {
				inc.ConfirmedAt = inc.OpenedAt
			}
			if inc.State == "recovered" {
				inc.SettledAt = store.Millis(rapid.Int64Range(int64(inc.OpenedAt), int64(ago(0))).Draw(t, "settled"))
			}
			f.Incidents = append(f.Incidents, inc)
		}
		got := Score(f, now)
		if a := got.Availability; a == nil || *a < 0 || *a > 1 {
			t.Fatalf("availability %v", a)
		}
		if (got.Score == nil) != (got.Samples < TheFormula.MinSamples) || got.Score == nil && len(got.Deductions) > 0 {
			t.Fatalf("%+v", got)
		}
		if got.Score == nil {
			return
		}
		left := 100.0
		for _, d := range got.Deductions {
			if left -= d.Points; d.Points <= 0 || d.Points > weights[d.Component] || d.Cause == "" {
				t.Fatalf("%+v", d)
			}
		}
		if math.Abs(max(0, left)-*got.Score) > 0.051 {
			t.Fatalf("score %v, the deductions leave %v", *got.Score, left)
		}
	})
}

func said(list []Deduction) string {
	var parts []string
	for _, d := range list {
		var links []string
		for _, l := range d.Links {
			links = append(links, fmt.Sprintf("%s %d", l.Kind, l.ID))
			if l.URL == "" {
				links = append(links, "leads nowhere")
			}
		}
		parts = append(parts, fmt.Sprintf("%s -%g: %s (%s)", d.Component, d.Points, d.Cause, strings.Join(links, ", ")))
	}
	return strings.Join(parts, "; ")
}

// TestDocumentedFormula holds docs/health.md to the code.
func TestDocumentedFormula(t *testing.T) {
	b, err := os.ReadFile("../docs/health.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	f := TheFormula
	want := map[string]float64{"runs": f.Runs, "punctuality": f.Punctuality, "incident": f.Incident, "repair": f.Repair}
	for state, weight := range f.States {
		want[state] = weight
	}
	got := map[string]float64{}
	for _, m := range regexp.MustCompile(`(?m)^\| (\w+) \| ([0-9.]+) \|`).FindAllStringSubmatch(page, -1) {
		if got[m[1]], err = strconv.ParseFloat(m[2], 64); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/health.md has other weights: %s", diff)
	}
	if f.Runs+f.Punctuality+f.Incident+f.Repair != 100 {
		t.Error("the weights do not sum up to 100")
	}
	for _, words := range []string{
		fmt.Sprintf("the last %d conclusive runs", f.Results), fmt.Sprintf("the last %d of %d days", f.Results, f.Window),
		fmt.Sprintf("Fewer than %d conclusive runs", f.MinSamples), fmt.Sprintf("Fewer than %d decided ticks", f.MinSamples),
		fmt.Sprintf("A week needs %d conclusive runs", f.MinWeek), fmt.Sprintf("divided by %.0f h", f.RepairFull/3600), fmt.Sprintf("Over %d days", f.Window),
	} {
		if !strings.Contains(page, words) {
			t.Errorf("docs/health.md does not say %q", words)
		}
	}
	text := fmt.Sprintf("score = 100 - %g x failed share of the last %d runs - %g x unanswered share of the last %d ticks of %d days (late counts half)"+
		" - %g x weight of the worst open incident's state - %g x mean time to repair / %g h (at most 1)",
		f.Runs, f.Results, f.Punctuality, f.Results, f.Window, f.Incident, f.Repair, f.RepairFull/3600)
	if f.Text != text {
		t.Errorf("the text says %q, the numbers %q", f.Text, text)
	}
	// The example of the page.
	example := base(outcomes(strings.Repeat("S", 45) + strings.Repeat("F", 5)))
	example.Runs = scheduled(example.Runs, 2)[:50]
	example.Runs[48].TickAt, example.Runs[49].TickAt = 0, 0 // replaced by the two that were missed
	example.Ticks = []store.Tick{{TickAt: ago(1), Cron: "c", Outcome: store.TickMissed}, {TickAt: ago(2), Cron: "c", Outcome: store.TickMissed}}
	example.Incidents = []store.IncidentSpan{{ID: 1, State: "recovered", OpenedAt: ago(144 * time.Minute), ConfirmedAt: ago(144 * time.Minute), SettledAt: ago(0)}}
	if got := Score(example, now); got.Score == nil || *got.Score != 93.3 {
		t.Errorf("the example of docs/health.md scores %+v", got)
	}
}
