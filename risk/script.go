package risk

import "container/heap"

// script is a history in the order in which it was lived through. It is replayed
// as it was, and with other outcomes.
type script struct {
	runs   []Run // by their starts
	failed []bool
	burn   int   // so many runs are only learned from
	flow   []int // the workflow of each run, from 0
	flows  int
	// learned are the runs in the order in which their ends became known; when
	// run i began, the first known[i] of them were.
	learned, known []int
}

// newScript of runs in the order of their starts.
func newScript(runs []Run, burn int) *script {
	s := &script{runs: runs, burn: burn}
	s.learned, s.known = endings(runs)
	flows := map[string]int{}
	for _, r := range runs {
		of, ok := flows[r.Workflow]
		if !ok {
			of = len(flows)
			flows[r.Workflow] = of
		}
		s.flow, s.failed = append(s.flow, of), append(s.failed, r.Failed)
	}
	s.flows = len(flows)
	return s
}

// replay predicts all runs, with these outcomes, and returns what was said after
// the burn-in.
func (s *script) replay(failed []bool, watch *alarmWatch) []prediction {
	flows := make([][predictors]predictor, s.flows)
	for i := range flows {
		flows[i] = newPredictors()
	}
	at := 0
	learn := func(until int) {
		for ; at < until; at++ {
			i := s.learned[at]
			for _, one := range flows[s.flow[i]] {
				one.learn(failed[i])
			}
			if watch != nil {
				watch.learned(s.runs[i].Workflow, outcome{s.runs[i].End, failed[i]}, &flows[s.flow[i]])
			}
		}
	}
	said := make([]prediction, 0, len(s.runs)-s.burn)
	for i, r := range s.runs {
		learn(s.known[i])
		if i < s.burn {
			continue
		}
		p := prediction{workflow: r.Workflow, day: day(r), failed: failed[i]}
		for k, one := range flows[s.flow[i]] {
			p.p[k] = one.predict()
		}
		said = append(said, p)
	}
	learn(len(s.learned))
	return said
}

// day in which a run started, since 1970, UTC.
func day(r Run) int64 { return r.Start.UTC().Unix() / 86_400 }

// endings of runs that are in the order of their starts: the runs in the order
// of their ends, and how many of these were known when each began.
func endings(runs []Run) (learned, known []int) {
	pending := ends{runs: runs}
	next := func() { learned = append(learned, heap.Pop(&pending).(int)) } //nolint:errcheck // ends holds nothing else
	for i, r := range runs {
		for len(pending.at) > 0 && !runs[pending.at[0]].End.After(r.Start) {
			next()
		}
		known = append(known, len(learned))
		heap.Push(&pending, i)
	}
	for len(pending.at) > 0 {
		next()
	}
	return learned, known
}

// ends is a heap of runs by their end.
type ends struct {
	runs []Run
	at   []int
}

func (e *ends) Len() int           { return len(e.at) }
func (e *ends) Less(i, j int) bool { return e.runs[e.at[i]].End.Before(e.runs[e.at[j]].End) }
func (e *ends) Swap(i, j int)      { e.at[i], e.at[j] = e.at[j], e.at[i] }
func (e *ends) Push(x any)         { e.at = append(e.at, x.(int)) } //nolint:errcheck // ends holds nothing else

func (e *ends) Pop() any {
	last := e.at[len(e.at)-1]
	e.at = e.at[:len(e.at)-1]
	return last
}
