package fallback

import "math"

// Times multiplies the budgets by a factor; 0 and less count as 1. That of one incident stays:
// what three re-runs have not cured, more of them will not.
func (b Budgets) Times(factor float64) Budgets {
	b = b.orDefault()
	if !(factor > 0) {
		factor = 1
	}
	times := func(n int) int {
		if n < 0 { // lifted
			return n
		}
		return int(min(max(math.Round(float64(n)*factor), 1), math.MaxInt32))
	}
	b.PerWorkflow, b.PerRepository, b.Floor = times(b.PerWorkflow), times(b.PerRepository), times(b.Floor)
	b.Share *= factor
	return b
}
