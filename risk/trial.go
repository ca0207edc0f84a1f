package risk

import (
	"math"
	"math/rand/v2"
)

// trial replays the history of one workflow as [Backtest] does, as often as it
// takes to know what chance alone would have made of it.
type trial struct {
	failed []bool
	burn   int
	// learned are the runs in the order in which their ends became known; when
	// run i began, the first known[i] of them were.
	learned, known []int
}

// newTrial of runs in the order of their starts.
func newTrial(runs []Run, burn int) *trial {
	t := &trial{burn: burn}
	t.learned, t.known = endings(runs)
	for _, r := range runs {
		t.failed = append(t.failed, r.Failed)
	}
	return t
}

// skills of the score against the base rate, nil when that makes no error, and
// by how many standard errors it is better than the last outcome.
func (t *trial) skills(failed []bool) (base *float64, last float64) {
	var score posterior
	var rate baseRate
	var before lastOutcome
	var ofScore, ofRate, gain, squares float64
	at := 0
	for i, f := range failed {
		for ; at < t.known[i]; at++ {
			outcome := failed[t.learned[at]]
			score.learn(outcome)
			rate.learn(outcome)
			before.learn(outcome)
		}
		if i >= t.burn {
			mine := squared(score.predict(), f)
			better := squared(before.predict(), f) - mine
			ofScore, ofRate = ofScore+mine, ofRate+squared(rate.predict(), f)
			gain, squares = gain+better, squares+better*better
		}
	}
	n := float64(len(failed) - t.burn)
	if spread := squares - gain*gain/n; spread > 0 {
		last = gain / math.Sqrt(spread)
	}
	return skill(ofScore, ofRate), last
}

const (
	// shuffles of a history, and how many of them may do as well as the history
	// itself: (3+1)/(199+1), a chance of 2 % that a workflow whose failures come
	// in no order seems to have one. It is exact, for any rate and length.
	shuffles, allowedShuffles = 199, 3
)

// oneSided is how many standard errors the score has to be better than the
// last outcome: 95 % of the normal distribution.
const oneSided = 1.645

// chance says whether a skill against the base rate is one that the same
// outcomes reach in any order.
func (t *trial) chance(reached float64) bool {
	rng := rand.New(rand.NewPCG(uint64(len(t.failed)), 0x5eed)) //nolint:gosec // a reproducible draw, no secret
	failed := append([]bool(nil), t.failed...)
	asGood := 0
	for range shuffles {
		rng.Shuffle(len(failed), func(a, b int) { failed[a], failed[b] = failed[b], failed[a] })
		if base, _ := t.skills(failed); base == nil || *base >= reached {
			if asGood++; asGood > allowedShuffles {
				return true
			}
		}
	}
	return false
}
