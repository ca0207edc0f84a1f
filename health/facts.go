package health

import (
	"time"

	"github.com/redundancy-app/redundancy/store"
)

// Facts are what is known of a watched workflow.
type Facts struct {
	Repo     string // owner/name
	Workflow string // path
	// Since is when it was enrolled. A schedule that is edited later begins anew,
	// and what is known of the workflow does not.
	Since time.Time
	// Grace is how late an answer to a tick may come before it counts as late.
	Grace     time.Duration
	Scheduled bool // it has a schedule
	// Runs that have ended, one row for each, newest first.
	Runs []store.PastRun
	// Ticks that no run answered in time, newest first.
	Ticks     []store.Tick
	Incidents []store.IncidentSpan // newest first
}

// conclusive are the newest n runs that say something about the workflow,
// within [from, to); n of 0 means all, a zero moment no bound.
func (f *Facts) conclusive(n int, from, to store.Millis) (runs []store.PastRun, failed []store.PastRun) {
	for _, r := range f.Runs {
		if n > 0 && len(runs) == n {
			break
		}
		if r.CreatedAt < from || to != 0 && r.CreatedAt >= to {
			continue
		}
		switch judge(r.Conclusion) {
		case bad:
			failed = append(failed, r)
			fallthrough
		case good:
			runs = append(runs, r)
		}
	}
	return runs, failed
}

// answer is how a tick was answered.
type answer struct {
	at       store.Millis
	cron     string
	run      store.PastRun // zero when none did
	incident int64
	late     bool
	missed   bool
}

// share of the punctuality weight that it costs.
func (a answer) share() float64 {
	switch {
	case a.missed:
		return 1
	case a.late:
		return 0.5
	}
	return 0
}

// answers are the newest n decided ticks within [from, to), newest first. A
// tick that is still waited for is undecided, and one from before anybody
// looked is nobody's.
func (f *Facts) answers(n int, from, to store.Millis) []answer {
	type tick struct {
		at   store.Millis
		cron string
	}
	known := map[tick]int{}
	var list []answer
	inside := func(at store.Millis) bool { return at >= from && (to == 0 || at < to) }
	for _, r := range f.Runs {
		if r.TickAt == 0 || !inside(r.TickAt) {
			continue
		}
		known[tick{r.TickAt, r.TickCron}] = len(list)
		late := r.CreatedAt.Time().Sub(r.TickAt.Time()) > f.Grace
		list = append(list, answer{at: r.TickAt, cron: r.TickCron, run: r, late: late})
	}
	for _, t := range f.Ticks {
		if !inside(t.TickAt) {
			continue
		}
		if i, answered := known[tick{t.TickAt, t.Cron}]; answered {
			list[i].incident = t.IncidentID // a very late run: late, whatever was believed before
			continue
		}
		switch t.Outcome {
		case store.TickMissed, store.TickDropped:
			list = append(list, answer{at: t.TickAt, cron: t.Cron, incident: t.IncidentID, missed: true})
		case store.TickLate: // its run is still running, or was forgotten
			list = append(list, answer{at: t.TickAt, cron: t.Cron, incident: t.IncidentID, late: true})
		}
	}
	sortAnswers(list)
	if n > 0 && len(list) > n {
		list = list[:n]
	}
	return list
}

// costs sums the shares.
func costs(list []answer) (sum float64) {
	for _, a := range list {
		sum += a.share()
	}
	return sum
}
