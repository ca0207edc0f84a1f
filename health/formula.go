package health

import "time"

// Formula is how a score comes about. The score of a workflow is 100 minus the
// deductions, never below 0; each deduction is a weight times a share from 0
// to 1.
type Formula struct {
	// Runs is deducted in full when all of the last Results runs failed.
	Runs float64 `json:"runs"`
	// Punctuality is deducted in full when none of the last Results ticks of
	// the schedule was answered. A late answer counts half.
	Punctuality float64 `json:"punctuality"`
	// Incident is deducted for the worst open incident, by its state: see States.
	Incident float64 `json:"incident"`
	// Repair is deducted in full when incidents last RepairFull on average.
	Repair float64 `json:"repair"`
	// States is the share of Incident that an open incident of a state costs.
	States map[string]float64 `json:"states"`
	// Results is how many of the newest runs, and of the newest ticks, count.
	Results int `json:"results"`
	// MinSamples is the number of conclusive runs below which there is no
	// score, and of ticks below which punctuality is not judged.
	MinSamples int `json:"min_samples"`
	// MinWeek is the number of conclusive runs that each of the two weeks of a
	// trend needs.
	MinWeek int `json:"min_week"`
	// RepairFull, in seconds, is the mean time to repair that costs all of Repair.
	RepairFull float64 `json:"repair_full_seconds"`
	// Window, in days, is the time over which incidents and ticks count.
	Window int `json:"window_days"`
	// Text says the same in a sentence.
	Text string `json:"text"`
}

// TheFormula is the one in force.
var TheFormula = Formula{
	Runs: 45, Punctuality: 20, Incident: 25, Repair: 10,
	States: map[string]float64{
		"exhausted": 1, "in_doubt": 1, // nobody does anything about it unless a person does
		"failing": 0.8, "suppressed": 0.8, "recovering": 0.6, "verifying": 0.4, "suspected": 0.2,
		paused: 0.2, // a person's decision
	},
	Results: 50, MinSamples: 10, MinWeek: 5,
	RepairFull: (24 * time.Hour).Seconds(), Window: 28,
	Text: "score = 100 - 45 x failed share of the last 50 runs - 20 x unanswered share of the last 50 ticks of 28 days (late counts half)" +
		" - 25 x weight of the worst open incident's state - 10 x mean time to repair / 24 h (at most 1)",
}

// paused stands for the state of an incident that a pause suppresses, or whose
// workflow a person has disabled: somebody knows, and has decided that it waits.
const paused = "paused"

const day = 24 * time.Hour

// window over which incidents and ticks count.
func (f Formula) window() time.Duration { return time.Duration(f.Window) * day }

// verdict on a run. Cancelled, skipped, neutral, action_required and stale runs
// say nothing about the workflow: somebody or something decided that they should
// not finish.
type verdict int

const (
	neutral verdict = iota
	good
	bad
)

func judge(conclusion string) verdict {
	switch conclusion {
	case "success":
		return good
	case "failure", "timed_out", "startup_failure":
		return bad
	default:
		return neutral
	}
}
