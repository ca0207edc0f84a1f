package risk

import (
	"fmt"
	"slices"
	"time"
)

// Assessment is what a workflow's own history says about its next run.
type Assessment struct {
	Repo     string `json:"repo"`     // owner/name
	Workflow string `json:"workflow"` // path
	// Signal is false while Risk is not worth showing; Text then says why. The
	// changes and the anomaly below have tests and minimums of their own.
	Signal   bool   `json:"signal"`
	Text     string `json:"text"`
	Samples  int    `json:"samples"` // conclusive first attempts on the default branch
	Failures int    `json:"failures"`
	// Risk is the probability that the next run fails, with the 80 % interval.
	Risk *float64  `json:"risk,omitempty"`
	In80 *Interval `json:"risk_80,omitempty"`
	EWMA *float64  `json:"ewma,omitempty"`
	// Skill of Risk over this workflow's history, against its base rate. It is
	// given without a signal, too, when there are enough runs.
	Skill *float64 `json:"skill_vs_base_rate,omitempty"`
	// Outcomes and Durations are lasting changes; nil without any.
	Outcomes  *Change `json:"outcome_change,omitempty"`
	Durations *Change `json:"duration_change,omitempty"`
	// Anomaly is about the newest success.
	Anomaly *DurationAnomaly `json:"duration_anomaly,omitempty"`
}

// Change is a change of regime with its time.
type Change struct {
	Regime
	At time.Time `json:"at"` // start of the first run after the change
}

// Assess a workflow by its runs, in any order.
func Assess(repo, workflow string, runs []Run) Assessment {
	runs = slices.Clone(runs)
	sortRuns(runs)
	a := Assessment{Repo: repo, Workflow: workflow, Samples: len(runs), Anomaly: durationAnomaly(runs)}
	var score posterior
	var moving ewma
	var timed []Run
	var durations []float64
	for _, r := range runs {
		score.learn(r.Failed)
		moving.learn(r.Failed)
		switch {
		case r.Failed:
			a.Failures++
		case r.duration() > 0:
			timed = append(timed, r)
			durations = append(durations, r.duration().Seconds())
		}
	}
	if c := outcomeRegime(runs); c != nil {
		a.Outcomes = &Change{*c, runs[c.Since].Start.UTC()}
	}
	if c := durationRegime(durations); c != nil {
		a.Durations = &Change{*c, timed[c.Since].Start.UTC()}
	}
	if a.Text = a.tooLittle(); a.Text != "" {
		return a
	}
	// Half of the history, 200 runs at most, is learned from before it counts:
	// one workflow seldom has as many as a whole fleet.
	tested := newTrial(runs, min(BurnIn, len(runs)/2))
	var last float64
	a.Skill, last = tested.skills(tested.failed)
	switch {
	case !positive(a.Skill) || tested.chance(*a.Skill):
		a.Text = "not enough signal: on this workflow's own history the score is no better than its base rate, or no more than chance makes it"
		return a
	case last < oneSided:
		a.Text = "not enough signal: on this workflow's own history the last outcome says as much"
		return a
	}
	a.Signal = true
	risk, average := score.predict(), moving.predict()
	low, high := score.beta().Interval(confidence)
	a.Risk, a.EWMA, a.In80 = &risk, &average, &Interval{low, high}
	newest, failed := runs[max(0, len(runs)-10):], 0
	for _, r := range newest {
		if r.Failed {
			failed++
		}
	}
	a.Text = fmt.Sprintf("%d of the last %d runs failed: risk %.0f %% (80 %% interval %.0f to %.0f %%)", failed, len(newest), 100*risk, 100*low, 100*high)
	return a
}

// tooLittle says what is missing, or "".
func (a *Assessment) tooLittle() string {
	if a.Samples < MinSamples {
		return fmt.Sprintf("not enough signal: %d of %d runs", a.Samples, MinSamples)
	}
	if successes := a.Samples - a.Failures; min(a.Failures, successes) < MinClass {
		return fmt.Sprintf("not enough signal: %d failures and %d successes, %d of each are needed", a.Failures, successes, MinClass)
	}
	return ""
}
