package risk

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// measure fills in what each predictor achieved.
func (res *Result) measure(said []prediction, watch *alarmWatch, o Options) {
	draws := o.Draws
	if draws == 0 {
		draws = 1000
		if len(said) > 20_000 {
			draws = 200
		}
	}
	var brier [predictors]float64
	for k := range predictors {
		brier[k] = meanSquare(said, k)
	}
	blocks := newBlocks(said)
	within := newCells(said)
	periods := watch.periods()
	for _, p := range periods {
		res.BadPeriods += len(p)
	}
	for k := range predictors {
		all := newRanking(said, k)
		perf := Performance{
			Name: names[k], AUC: all.auc(nil), WithinDay: within.auc(said, k), Brier: brier[k],
			SkillBase: skill(brier[k], brier[theBase]), SkillLast: skill(brier[k], brier[theLast]),
			Alarms: watch.alarms(k, periods, res.To),
		}
		if draws > 0 {
			perf.AUC95, perf.SkillBase95, perf.SkillLast95 = blocks.bootstrap(all, k, draws, o.Seed)
		}
		res.Predictors = append(res.Predictors, perf)
	}
}

func meanSquare(said []prediction, k int) float64 {
	var sum float64
	for _, s := range said {
		sum += square(s, k)
	}
	return sum / float64(len(said))
}

func square(s prediction, k int) float64 { return squared(s.p[k], s.failed) }

func squared(p float64, failed bool) float64 {
	if failed {
		return (1 - p) * (1 - p)
	}
	return p * p
}

// skill is nil when the baseline makes no error.
func skill(of, baseline float64) *float64 {
	if baseline == 0 {
		return nil
	}
	v := 1 - of/baseline
	return &v
}

// ranking is predictions in the order of their risk.
type ranking struct {
	p      []float64
	failed []bool
	block  []int // index of the day
}

// newRanking with the days, which a bootstrap needs.
func newRanking(said []prediction, k int) ranking {
	r, order := rank(said, k)
	r.block = make([]int, len(said))
	days := dayIndex(said)
	for i, at := range order {
		r.block[i] = days[said[at].day]
	}
	return r
}

func rank(said []prediction, k int) (r ranking, order []int) {
	order = make([]int, len(said))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(said[a].p[k], said[b].p[k]) })
	r = ranking{p: make([]float64, len(said)), failed: make([]bool, len(said))}
	for i, at := range order {
		r.p[i], r.failed[i] = said[at].p[k], said[at].failed
	}
	return r, order
}

// auc is the probability that a failed run had a higher risk than a successful
// one, ties counting half: the Mann-Whitney statistic. weight of each day; nil
// means 1. nil without both classes.
func (r ranking) auc(weight []float64) *float64 {
	wins, failures, successes := r.wins(weight)
	if failures == 0 || successes == 0 {
		return nil
	}
	v := wins / (failures * successes)
	return &v
}

func (r ranking) wins(weight []float64) (wins, failures, successes float64) {
	for i := 0; i < len(r.p); {
		var f, s float64
		j := i
		for ; j < len(r.p) && r.p[j] == r.p[i]; j++ {
			w := 1.0
			if weight != nil {
				w = weight[r.block[j]]
			}
			if r.failed[j] {
				f += w
			} else {
				s += w
			}
		}
		wins += f * (successes + s/2)
		failures, successes = failures+f, successes+s
		i = j
	}
	return wins, failures, successes
}

// cells are the predictions of each workflow on each day, by their indexes.
type cells [][]int

func newCells(said []prediction) (c cells) {
	type cell struct {
		workflow string
		day      int64
	}
	index := map[cell]int{}
	for i, s := range said {
		at, ok := index[cell{s.workflow, s.day}]
		if !ok {
			at = len(c)
			index[cell{s.workflow, s.day}] = at
			c = append(c, nil)
		}
		c[at] = append(c[at], i)
	}
	return c
}

// auc compares only runs of one workflow on one day with each other.
func (c cells) auc(said []prediction, k int) *float64 {
	var wins, pairs float64
	var group []prediction
	for _, members := range c {
		group = group[:0]
		for _, i := range members {
			group = append(group, said[i])
		}
		r, _ := rank(group, k)
		w, f, s := r.wins(nil)
		wins, pairs = wins+w, pairs+f*s
	}
	if pairs == 0 {
		return nil
	}
	v := wins / pairs
	return &v
}

func dayIndex(said []prediction) map[int64]int {
	days := map[int64]int{}
	for _, s := range said {
		if _, ok := days[s.day]; !ok {
			days[s.day] = len(days)
		}
	}
	return days
}

// blocks are the days, which a bootstrap draws with replacement: single runs
// would make the interval too narrow, since those of one day depend on each other.
type blocks struct {
	square [][predictors]float64 // sums of squared errors, by day
}

func newBlocks(said []prediction) blocks {
	days := dayIndex(said)
	b := blocks{make([][predictors]float64, len(days))}
	for _, s := range said {
		for k := range predictors {
			b.square[days[s.day]][k] += square(s, k)
		}
	}
	return b
}

// bootstrap returns the 95 % intervals of the AUC and of the skills against the
// base rate and the last outcome; nil where fewer than half of the draws had
// both classes.
func (b blocks) bootstrap(all ranking, k, draws int, seed uint64) (auc, overBase, overLast *Interval) {
	rng := rand.New(rand.NewPCG(seed, 0x5eed)) //nolint:gosec // a reproducible draw, no secret
	var aucs, bases, lasts []float64
	weight := make([]float64, len(b.square))
	for range draws {
		clear(weight)
		var of, base, last float64
		for range weight {
			day := rng.IntN(len(weight))
			weight[day]++
			of, base, last = of+b.square[day][k], base+b.square[day][theBase], last+b.square[day][theLast]
		}
		if v := all.auc(weight); v != nil {
			aucs = append(aucs, *v)
		}
		if v := skill(of, base); v != nil {
			bases = append(bases, *v)
		}
		if v := skill(of, last); v != nil {
			lasts = append(lasts, *v)
		}
	}
	return central(aucs, draws), central(bases, draws), central(lasts, draws)
}

func central(values []float64, draws int) *Interval {
	if len(values)*2 < draws {
		return nil
	}
	return &Interval{quantile(values, 0.025), quantile(values, 0.975)}
}
