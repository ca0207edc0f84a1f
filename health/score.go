package health

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/redundancy-app/redundancy/store"
)

// Target is a watched workflow and how it does.
type Target struct {
	Repo     string `json:"repo"`     // owner/name
	Workflow string `json:"workflow"` // path
	// Score from 0 to 100, nil while too little is known: WhyNoScore then says
	// what is missing.
	Score      *float64    `json:"score"`
	WhyNoScore string      `json:"why_no_score,omitempty"`
	Deductions []Deduction `json:"deductions"` // the largest first; none without a score
	Samples    int         `json:"samples"`    // conclusive runs that count
	Successes  int         `json:"successes"`
	Ticks      int         `json:"ticks"` // decided ticks of the schedule that count
	Punctual   int         `json:"punctual"`
	Trend      *Trend      `json:"trend,omitempty"`
	Figures
}

// Deduction is why points are missing.
type Deduction struct {
	Component string  `json:"component"` // runs | punctuality | incident | repair
	Points    float64 `json:"points"`
	Cause     string  `json:"cause"`
	Links     []Link  `json:"links"`
}

// Link leads to a cause.
type Link struct {
	Kind string `json:"kind"` // run | incident
	ID   int64  `json:"id"`
	URL  string `json:"url"` // an incident's is a path of this API
}

// maxLinks of one deduction: the newest.
const maxLinks = 5

// Score computes the figures of a workflow at a moment.
func Score(f *Facts, now time.Time) Target {
	t := Target{Repo: f.Repo, Workflow: f.Workflow, Deductions: []Deduction{}, Figures: figures(f, now), Trend: trend(f, now)}
	w := TheFormula
	runs, failed := f.conclusive(w.Results, 0, 0)
	ticks := f.answers(w.Results, store.MillisOf(now.Add(-w.window())), 0)
	t.Samples, t.Successes = len(runs), len(runs)-len(failed)
	t.Ticks = len(ticks)
	for _, a := range ticks {
		if a.share() == 0 {
			t.Punctual++
		}
	}
	if len(runs) < w.MinSamples {
		t.WhyNoScore = fmt.Sprintf("not enough runs: %d of %d", len(runs), w.MinSamples)
		return t
	}
	for _, d := range []Deduction{runsDeduction(runs, failed), tickDeduction(f, ticks), incidentDeduction(f), repairDeduction(f, &t)} {
		if d.Points > 0 {
			t.Deductions = append(t.Deductions, d)
		}
	}
	slices.SortStableFunc(t.Deductions, func(a, b Deduction) int { return cmp.Compare(b.Points, a.Points) })
	score := 100.0
	for _, d := range t.Deductions {
		score -= d.Points
	}
	t.Score = tenth(max(0, score))
	return t
}

func runsDeduction(runs, failed []store.PastRun) Deduction {
	if len(runs) == 0 || len(failed) == 0 {
		return Deduction{}
	}
	d := Deduction{
		Component: "runs", Points: points(TheFormula.Runs, share(len(failed), len(runs))),
		Cause: fmt.Sprintf("%d of the last %d runs failed", len(failed), len(runs)),
	}
	for _, r := range failed[:min(len(failed), maxLinks)] {
		d.Links = append(d.Links, runLink(r))
	}
	return d
}

func tickDeduction(f *Facts, ticks []answer) Deduction {
	if !f.Scheduled || len(ticks) < TheFormula.MinSamples {
		return Deduction{}
	}
	d := Deduction{Component: "punctuality", Points: points(TheFormula.Punctuality, costs(ticks)/float64(len(ticks))), Links: []Link{}}
	missed, late := 0, 0
	for _, a := range ticks {
		switch {
		case a.missed:
			missed++
		case a.late:
			late++
		default:
			continue
		}
		if len(d.Links) == maxLinks {
			continue
		}
		if a.incident != 0 {
			d.Links = append(d.Links, incidentLink(a.incident))
		} else if a.run.RunID != 0 {
			d.Links = append(d.Links, runLink(a.run))
		}
	}
	d.Cause = fmt.Sprintf("of the last %d ticks %d got no run and %d a late one (more than %s)", len(ticks), missed, late, f.Grace)
	return d
}

func incidentDeduction(f *Facts) Deduction {
	var worst Deduction
	for _, inc := range f.Incidents {
		state := inc.State
		if state == "suppressed" && inc.HeldBy == "pause" || state == "exhausted" && inc.Signal == "disabled" && inc.Conclusion == "disabled_manually" {
			state = paused
		}
		p := points(TheFormula.Incident, TheFormula.States[state])
		if inc.SettledAt == 0 && p > worst.Points {
			worst = Deduction{
				Component: "incident", Points: p,
				Cause: fmt.Sprintf("incident %d is %s: %s", inc.ID, state, inc.Reason), Links: []Link{incidentLink(inc.ID)},
			}
			if inc.RunURL != "" {
				worst.Links = append(worst.Links, Link{Kind: "run", URL: inc.RunURL})
			}
		}
	}
	return worst
}

func repairDeduction(f *Facts, t *Target) Deduction {
	if t.MTTR == nil {
		return Deduction{}
	}
	longest := store.IncidentSpan{}
	for _, inc := range f.Incidents {
		if repaired(inc) && lasted(inc) > lasted(longest) {
			longest = inc
		}
	}
	mean := time.Duration(*t.MTTR * float64(time.Second))
	return Deduction{
		Component: "repair", Points: points(TheFormula.Repair, min(1, *t.MTTR/TheFormula.RepairFull)),
		Cause: fmt.Sprintf("incidents of %d days lasted %s on average", TheFormula.Window, mean.Round(time.Second)),
		Links: []Link{incidentLink(longest.ID)},
	}
}

func runLink(r store.PastRun) Link { return Link{Kind: "run", ID: r.RunID, URL: r.URL} }
func incidentLink(id int64) Link {
	return Link{Kind: "incident", ID: id, URL: fmt.Sprintf("/api/v1/incidents/%d", id)}
}
func share(n, of int) float64          { return float64(n) / float64(of) }
func points(weight, s float64) float64 { return math.Round(weight*s*10) / 10 }

// tenth rounds to one decimal, which is more than the data carries.
func tenth(v float64) *float64 {
	v = math.Round(v*10) / 10
	return &v
}

func sortAnswers(list []answer) {
	slices.SortFunc(list, func(a, b answer) int { return cmp.Or(cmp.Compare(b.at, a.at), cmp.Compare(a.cron, b.cron)) })
}
