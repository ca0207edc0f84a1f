package risk

import (
	"math"
	"math/rand/v2"
)

const (
	// chanceError is the standard error of a chance level at which it is known
	// well enough: 95 % of them are within 0.01 of the truth.
	chanceError = 0.005
	// Rounds of shuffling. A long history needs few, and has no time for more.
	minShuffles, maxShuffles = 4, 400
	// shuffleWork bounds the predictions of all rounds, beyond the least of them.
	shuffleWork = 4_000_000
)

// chance measures what each predictor would have achieved had the outcomes come
// in no order, by shuffling them and replaying the history: within each workflow
// for the figures about all runs, and within each workflow and day for telling
// the runs of a day apart.
func (s *script) chance(res *Result, rate float64, o Options) {
	rng := rand.New(rand.NewPCG(o.Seed, 0xcafe)) //nolint:gosec // a reproducible draw, no secret
	flows, days := s.groups()
	var auc, within, detected, lead [predictors]level
	for res.Shuffles = 0; res.Shuffles < maxShuffles; res.Shuffles++ {
		if n := res.Shuffles; n >= minShuffles && (exact(auc[:]) && exact(within[:]) || n*len(s.runs) >= shuffleWork) {
			break
		}
		watch := newAlarmWatch(rate, s.runs[s.burn].Start)
		said := s.replay(s.shuffled(flows, rng), watch)
		periods, bad := watch.periods(), 0
		for _, p := range periods {
			bad += len(p)
		}
		for k := range predictors {
			r, _ := rank(said, k)
			auc[k].add(r.auc(nil))
			a := watch.alarms(k, periods, res.To)
			if lead[k].add(a.Lead); bad > 0 {
				share := float64(a.Detected) / float64(bad)
				detected[k].add(&share)
			}
		}
		said = s.replay(s.shuffled(days, rng), nil)
		c := newCells(said)
		for k := range predictors {
			within[k].add(c.auc(said, k))
		}
	}
	for k := range predictors {
		p := &res.Predictors[k]
		p.AUCChance, p.WithinDayChance = auc[k].mean(), within[k].mean()
		p.DetectedChance, p.LeadChance = detected[k].mean(), lead[k].mean()
	}
}

// groups of runs whose outcomes are shuffled among each other, by their indexes:
// those of a workflow, and those of a workflow on a day.
func (s *script) groups() (flows, days [][]int) {
	flows = make([][]int, s.flows)
	type cell struct {
		flow int
		day  int64
	}
	index := map[cell]int{}
	for i, r := range s.runs {
		flows[s.flow[i]] = append(flows[s.flow[i]], i)
		c := cell{s.flow[i], day(r)}
		at, ok := index[c]
		if !ok {
			at = len(days)
			index[c] = at
			days = append(days, nil)
		}
		days[at] = append(days[at], i)
	}
	return flows, days
}

// shuffled are the outcomes with those of each group in another order.
func (s *script) shuffled(groups [][]int, rng *rand.Rand) []bool {
	failed := append([]bool(nil), s.failed...)
	for _, g := range groups {
		rng.Shuffle(len(g), func(a, b int) { failed[g[a]], failed[g[b]] = failed[g[b]], failed[g[a]] })
	}
	return failed
}

// level is the mean of a figure over rounds.
type level struct{ n, sum, squares float64 }

func (l *level) add(v *float64) {
	if v != nil {
		l.n, l.sum, l.squares = l.n+1, l.sum+*v, l.squares+*v**v
	}
}

// mean is nil without any round that had the figure.
func (l *level) mean() *float64 {
	if l.n == 0 {
		return nil
	}
	v := l.sum / l.n
	return &v
}

// exact says that the means are known well enough, or that there are none.
func exact(levels []level) bool {
	for _, l := range levels {
		if l.n == 0 {
			continue
		}
		spread := max(0, l.squares-l.sum*l.sum/l.n) / max(1, l.n-1)
		if l.n < minShuffles || math.Sqrt(spread/l.n) > chanceError {
			return false
		}
	}
	return true
}
