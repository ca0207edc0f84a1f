package risk

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// BurnIn is how many runs are only learned from before predictions count.
const BurnIn = 200

// A score is shown only above these.
const (
	MinSamples = 100 // predictions that count
	MinClass   = 20  // failures, and successes, among them
	// MinDays of a backtest: a bootstrap over fewer makes intervals too narrow,
	// and over a single one of no width at all.
	MinDays = 10
)

// minPicked is by how much the AUC within a workflow-day has to be above its
// chance level before the score is said to pick the runs of a day that fail.
const minPicked = 0.1

// Options of a backtest. Zero values are the defaults.
type Options struct {
	BurnIn int    // 0 means [BurnIn]
	Draws  int    // of the bootstrap; 0 means 1,000, or 200 above 20,000 predictions; negative none, no chance levels and no signal
	Seed   uint64 // of the bootstrap and the shuffles: the same seed gives the same figures
}

// Result of a backtest.
type Result struct {
	// Signal is true when there are enough predictions on enough days and the
	// 95 % intervals of the score (not of the moving average, which is only
	// printed beside it) lie above its chance level for the AUC, and above 0 for
	// the skill against the base rate and against the last outcome: a point
	// estimate alone is above them in noise every other time. Verdict says it in
	// words.
	Signal    bool      `json:"signal"`
	Verdict   string    `json:"verdict"`
	Runs      int       `json:"runs"` // conclusive first attempts
	BurnIn    int       `json:"burn_in"`
	N         int       `json:"n"`        // predictions that count
	Failures  int       `json:"failures"` // among them
	BaseRate  float64   `json:"base_rate"`
	Workflows int       `json:"workflows"`
	Days      int       `json:"days"`
	From      time.Time `json:"from,omitzero"` // without predictions there is none
	To        time.Time `json:"to,omitzero"`
	// BadPeriods are streaks of three or more failures of a workflow; those less
	// than a day apart are one.
	BadPeriods int `json:"bad_periods"`
	// Threshold is the risk at which an alarm is raised: half-way from the base
	// rate of the burn-in to certainty.
	Threshold float64 `json:"threshold"`
	// Shuffles is how often the chance levels were measured; see [Performance].
	Shuffles   int           `json:"shuffles"`
	Predictors []Performance `json:"predictors"` // the score first
}

// Performance of a predictor.
type Performance struct {
	Name string `json:"name"`
	// AUC over all predictions, with the 95 % interval of a bootstrap over
	// whole days, since runs of one day fail together; nil without both classes.
	AUC   *float64  `json:"auc"`
	AUC95 *Interval `json:"auc_95,omitempty"`
	// AUCChance is the mean AUC of the same predictor on histories in which the
	// outcomes of each workflow are shuffled: what is left when they come in no
	// order, by the different rates of the workflows for instance.
	AUCChance *float64 `json:"auc_chance"`
	// WithinDay is the AUC among runs of one workflow on one day, and
	// WithinDayChance the mean of it on histories whose outcomes are shuffled
	// within each workflow and day. That is not 0.5: the outcomes of a day that
	// are learned from are no longer to come, so that who learns from them ranks
	// the rest of the day the wrong way round.
	WithinDay       *float64 `json:"auc_within_workflow_day"`
	WithinDayChance *float64 `json:"auc_within_workflow_day_chance"`
	Brier           float64  `json:"brier"`
	// Skill is 1 - Brier / Brier of the baseline: above 0 is better than it.
	SkillBase   *float64  `json:"skill_vs_base_rate"`
	SkillBase95 *Interval `json:"skill_vs_base_rate_95,omitempty"`
	SkillLast   *float64  `json:"skill_vs_last_outcome"`
	SkillLast95 *Interval `json:"skill_vs_last_outcome_95,omitempty"`
	Alarms
}

// Interval is a confidence interval.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// The predictors, the score that is shown first.
const (
	namePosterior = "beta-binomial (decay 30)"
	nameEWMA      = "ewma (half-life 5)"
	nameBase      = "base rate"
	nameLast      = "last outcome"
)

var names = [...]string{namePosterior, nameEWMA, nameBase, nameLast}

const (
	thePosterior = iota
	theEWMA
	theBase
	theLast
	predictors
)

func newPredictors() [predictors]predictor {
	return [predictors]predictor{thePosterior: &posterior{}, theEWMA: &ewma{}, theBase: &baseRate{}, theLast: &lastOutcome{}}
}

// prediction is what was said before a run, and what came.
type prediction struct {
	workflow string
	day      int64 // since 1970, UTC
	failed   bool
	p        [predictors]float64
}

// Backtest replays a history as it was lived through: when a run starts, it is
// predicted from what had ended by then, and its own outcome becomes known only
// when it ends. The order of runs does not matter.
func Backtest(runs []Run, o Options) Result {
	burn := cmp.Or(o.BurnIn, BurnIn)
	runs = slices.Clone(runs)
	sortRuns(runs)
	res := Result{Runs: len(runs), BurnIn: min(burn, len(runs)), Predictors: []Performance{}}
	if len(runs) <= burn {
		res.Verdict = fmt.Sprintf("not enough signal: %d conclusive runs, and the first %d are only learned from", len(runs), burn)
		return res
	}
	rate := burnInRate(runs[:burn])
	res.Threshold = (1 + rate) / 2
	watch := newAlarmWatch(rate, runs[burn].Start)
	story := newScript(runs, burn)
	said := story.replay(story.failed, watch)
	res.fill(said, runs[burn:])
	res.measure(said, watch, o)
	if o.Draws >= 0 {
		story.chance(&res, rate, o)
	}
	res.judge()
	return res
}

func sortRuns(runs []Run) {
	slices.SortStableFunc(runs, func(a, b Run) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Workflow, b.Workflow), cmp.Compare(a.ID, b.ID))
	})
}

func burnInRate(runs []Run) float64 {
	failed := 0
	for _, r := range runs {
		if r.Failed {
			failed++
		}
	}
	return float64(failed) / float64(len(runs))
}

func (res *Result) fill(said []prediction, counted []Run) {
	workflows, days := map[string]bool{}, map[int64]bool{}
	for _, s := range said {
		workflows[s.workflow], days[s.day] = true, true
		if s.failed {
			res.Failures++
		}
	}
	res.N, res.Workflows, res.Days = len(said), len(workflows), len(days)
	res.BaseRate = float64(res.Failures) / float64(res.N)
	res.From = counted[0].Start.UTC()
	for _, r := range counted {
		if r.End.After(res.To) {
			res.To = r.End.UTC()
		}
	}
}

func (res *Result) judge() {
	score := res.Predictors[thePosterior]
	switch {
	case res.N < MinSamples:
		res.Verdict = fmt.Sprintf("not enough signal: %d predictions, %d are needed", res.N, MinSamples)
	case min(res.Failures, res.N-res.Failures) < MinClass:
		res.Verdict = fmt.Sprintf("not enough signal: %d failures and %d successes, %d of each are needed", res.Failures, res.N-res.Failures, MinClass)
	case res.Days < MinDays:
		res.Verdict = fmt.Sprintf("not enough signal: predictions on %d days, %d are needed", res.Days, MinDays)
	case !score.SkillBase95.above(0):
		res.Verdict = "not enough signal: the score is no better than the base rate, or no more than chance makes it"
	case score.AUCChance == nil || !score.AUC95.above(*score.AUCChance):
		res.Verdict = "not enough signal: the score ranks runs no better than chance"
	case !score.SkillLast95.above(0):
		res.Verdict = "not enough signal: the last outcome says as much"
	default:
		res.Signal = true
		res.Verdict = "the score tells bad periods from good ones"
		if score.WithinDay == nil || score.WithinDayChance == nil || *score.WithinDay < *score.WithinDayChance+minPicked {
			res.Verdict += "; it does not tell which run of a day will fail"
		}
	}
}

// above says that all of an interval is above v; false without one.
func (i *Interval) above(v float64) bool { return i != nil && i.Low > v }

func positive(v *float64) bool { return v != nil && *v > 0 }
