package failure

// The window and the thresholds of [Flapping].
const (
	// Results is how many of them are looked at: Nagios's MAX_STATE_HISTORY_ENTRIES.
	Results = 21
	// FlapsFrom is the change, in percent, at which flapping begins.
	FlapsFrom = 50.0
	// SteadyBelow is the one under which it ends. The distance keeps flapping
	// itself from flapping.
	SteadyBelow = 25.0
)

// Change is how much a workflow changes its mind, in percent: the share of
// changes between neighbours of the last [Results] results, of which the newest
// counts 1.25 and the oldest 0.75 (Nagios Core, base/flapping.c). results are
// the oldest first; more than [Results] are cut off at the old end. What is
// missing has not changed, so few results are never flapping.
func Change(results []bool) float64 {
	if len(results) > Results {
		results = results[len(results)-Results:]
	}
	const newest, oldest = 1.25, 0.75
	pairs := Results - 1
	first := pairs - (len(results) - 1) // the place of the first pair that there is
	sum := 0.0
	for i := 1; i < len(results); i++ {
		if results[i] != results[i-1] {
			sum += oldest + float64(first+i-1)*(newest-oldest)/float64(pairs-1)
		}
	}
	return sum * 100 / float64(pairs)
}

// Flapping says whether a workflow is flapping at a change in percent, given
// whether it was before.
func Flapping(was bool, change float64) bool {
	if was {
		return change >= SteadyBelow
	}
	return change >= FlapsFrom
}
