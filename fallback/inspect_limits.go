package fallback

import (
	"cmp"
	"time"

	"github.com/redundancy-app/redundancy/config"
)

// How long an attempt may wait and go on, where neither the configuration nor
// the workflow's own history says more.
const (
	// minQueued: of the delays that people have measured on hosted runners, 95
	// in 100 are below it (median 9 minutes, p95 14 in a bad week).
	minQueued = 15 * time.Minute
	// minRunning is a step's length that is nothing unusual.
	minRunning = 30 * time.Minute
)

// limits of an attempt, before scaling.
type limits struct {
	queued  time.Duration // from its start to its first step
	running time.Duration // from one change of a step to the next
}

// soft is when a look is worth a request: a third of the time after which an
// attempt counts as stalled.
func (l limits) soft() time.Duration { return l.queued / 3 }

// limitsOf are those of a configuration, as far as it names them.
func limitsOf(c config.Stall) limits {
	return limits{
		queued:  cmp.Or(c.Queued.Std(), minQueued),
		running: cmp.Or(c.Running.Std(), minRunning),
	}
}
