package risk

import "math"

// Regime is a lasting change of a series: the split into two parts with
// different means that explains it best, when that is far better than chance
// makes a steady series look. It is the offline form of Page's test for a
// change at an unknown point: E. S. Page, Biometrika 42 (1955); D. V. Hinkley,
// Biometrika 57 (1970).
type Regime struct {
	// Direction is "up" or "down".
	Direction string `json:"direction"`
	// Before and After are the means on both sides of the change. Those of
	// durations are seconds.
	Before float64 `json:"before"`
	After  float64 `json:"after"`
	// Since is the index of the first value after the change, from 0.
	Since int `json:"since_index"`
}

const (
	// minRegime values are needed before a change is looked for, and minSide on
	// each side of it.
	minRegime, minSide = 30, 5
	// regimeThreshold of the likelihood ratio, twice its logarithm, maximised
	// over all splits. In simulations of steady series of 30 to 2,000 values,
	// with failure rates from 0.02 to 0.5 and with normal log-durations of any
	// spread, fewer than 2 % passed it: the statistic knows the spread, and its
	// maximum hardly grows with the length. A failure rate that went from 0.1
	// to 0.6 after 200 runs passed it within 20 runs in 94 % of the cases.
	regimeThreshold = 14
	// minRateChange, and minLogChange of durations (16 %): less is of no
	// interest, however certain.
	minRateChange, minLogChange = 0.15, 0.15
)

// likelihood is twice the logarithm of how much better two means explain n
// values with the sum and the sum of squares than one does, the first a of
// which have the sum first.
type likelihood func(first, a, sum, squares, n float64) float64

// newestChange of a series; nil without any.
func newestChange(values []float64, ratio likelihood, least float64) *Regime {
	if len(values) < minRegime {
		return nil
	}
	points := changes(values, 0, ratio, least)
	if len(points) == 0 {
		return nil
	}
	from, at := 0, points[len(points)-1]
	if len(points) > 1 {
		from = points[len(points)-2]
	}
	r := Regime{Direction: "down", Before: average(values[from:at]), After: average(values[at:]), Since: at}
	if r.After > r.Before {
		r.Direction = "up"
	}
	return &r
}

// changes splits a series where a split explains it best, and then its parts,
// until none is worth it. The points are indexes from offset on, in order.
func changes(values []float64, offset int, ratio likelihood, least float64) []int {
	var sum, squares, first, best float64
	for _, v := range values {
		sum, squares = sum+v, squares+v*v
	}
	n, at := float64(len(values)), 0
	for i := 1; i <= len(values)-minSide; i++ {
		first += values[i-1]
		if i < minSide {
			continue
		}
		a := float64(i)
		if math.Abs(first/a-(sum-first)/(n-a)) < least {
			continue
		}
		if l := ratio(first, a, sum, squares, n); l > best {
			best, at = l, i
		}
	}
	if best <= regimeThreshold {
		return nil
	}
	points := append(changes(values[:at], offset, ratio, least), offset+at)
	return append(points, changes(values[at:], offset+at, ratio, least)...)
}

// binomial is the ratio of outcomes, which are 0 or 1.
func binomial(first, a, sum, _, n float64) float64 {
	return 2 * (logBinomial(first, a) + logBinomial(sum-first, n-a) - logBinomial(sum, n))
}

// logBinomial is the logarithm of the likelihood of k of n at the rate k/n.
func logBinomial(k, n float64) (l float64) {
	if k > 0 {
		l += k * math.Log(k/n)
	}
	if k < n {
		l += (n - k) * math.Log((n-k)/n)
	}
	return l
}

// normal is the ratio of values with one unknown spread.
func normal(first, a, sum, squares, n float64) float64 {
	spread := squares - sum*sum/n
	apart := first/a - (sum-first)/(n-a)
	// Whole seconds can make both parts constant: no spread is left to divide by.
	left := max(spread-apart*apart*a*(n-a)/n, 1e-9*max(spread, 1e-9))
	return n * math.Log(max(spread, left)/left)
}

// outcomeRegime of a history, oldest first.
func outcomeRegime(runs []Run) *Regime {
	values := make([]float64, len(runs))
	for i, r := range runs {
		if r.Failed {
			values[i] = 1
		}
	}
	return newestChange(values, binomial, minRateChange)
}

// durationRegime of the successes of a history, oldest first; Since counts
// successes.
func durationRegime(seconds []float64) *Regime {
	values := make([]float64, len(seconds))
	for i, s := range seconds {
		values[i] = math.Log(max(s, 1)) // GitHub's clock has whole seconds
	}
	r := newestChange(values, normal, minLogChange)
	if r != nil { // back from logarithms: geometric means
		r.Before, r.After = math.Exp(r.Before), math.Exp(r.After)
	}
	return r
}

func average(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
