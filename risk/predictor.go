package risk

import "math"

// predictor says how likely the next run of one workflow fails. It learns the
// outcomes in the order in which they became known.
type predictor interface {
	predict() float64
	learn(failed bool)
}

const (
	// decay is how many outcomes the posterior remembers: an outcome that is k
	// outcomes old weighs (1 - 1/decay)^k.
	decay = 30
	// halfLife of the moving average, in outcomes.
	halfLife = 5
	// confidence of the interval that is shown.
	confidence = 0.8
)

// posterior is a Beta-Binomial with decay, on a uniform prior.
type posterior struct{ failures, successes float64 }

func (p *posterior) beta() Beta       { return Beta{1 + p.failures, 1 + p.successes} }
func (p *posterior) predict() float64 { return p.beta().Mean() }

func (p *posterior) learn(failed bool) {
	p.failures *= 1 - 1.0/decay
	p.successes *= 1 - 1.0/decay
	if failed {
		p.failures++
	} else {
		p.successes++
	}
}

// ewma is an exponentially weighted moving average. It begins at one half and
// corrects for it, so that the first outcomes are not drowned by the start.
type ewma struct{ value, weight float64 }

func (e *ewma) predict() float64 {
	if e.weight == 0 {
		return 0.5
	}
	return e.value / e.weight
}

var ewmaKeep = math.Exp2(-1.0 / halfLife)

func (e *ewma) learn(failed bool) {
	e.value *= ewmaKeep
	e.weight = e.weight*ewmaKeep + 1 - ewmaKeep
	if failed {
		e.value += 1 - ewmaKeep
	}
}

// baseRate is the share of failures so far: the first baseline.
type baseRate struct{ failures, n float64 }

func (b *baseRate) predict() float64 { return (b.failures + 1) / (b.n + 2) }

func (b *baseRate) learn(failed bool) {
	b.n++
	if failed {
		b.failures++
	}
}

// lastOutcome is the second baseline: how often a failure, or a success, was
// followed by a failure so far. "As the last one" in words; as probabilities,
// since a flat 0 or 1 would be too easy to beat.
type lastOutcome struct {
	after [2]baseRate // by the outcome before
	last  int         // 1 after a failure
	any   bool
}

func (l *lastOutcome) predict() float64 { return l.after[l.last].predict() }

func (l *lastOutcome) learn(failed bool) {
	if l.any {
		l.after[l.last].learn(failed)
	}
	l.any, l.last = true, 0
	if failed {
		l.last = 1
	}
}
