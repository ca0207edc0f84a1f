package schedule_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
)

// span is a line of the record.
type span struct {
	series, cron string
	ticks        int
	kind         string
	low, high    int // minutes
}

// trace is a series: its ticks and the moments at which runs came.
type trace struct {
	name  string
	set   schedule.Set
	ticks []schedule.Tick
	runs  []time.Time
	// assumed says that a part of it stands in no record.
	assumed bool
}

var traceStart = time.Date(2026, 8, 3, 0, 0, 0, 0, time.UTC)

func readTraces(t *testing.T) []*trace {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "lateness.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var all []*trace
	for lines := bufio.NewScanner(f); lines.Scan(); {
		text, _, assumed := strings.Cut(lines.Text(), "  #")
		if text == "" || text[0] == '#' {
			continue
		}
		parts := strings.Split(text, "; ")
		if len(parts) != 4 {
			t.Fatalf("%q has %d parts", text, len(parts))
		}
		s := span{series: parts[0], cron: parts[1]}
		_, err := fmt.Sscan(parts[2], &s.ticks)
		if n, _ := fmt.Sscanf(parts[3], "%s %d-%d", &s.kind, &s.low, &s.high); err != nil || n != 3 && s.kind != "never" {
			t.Fatalf("%q: %v", text, err)
		}
		if len(all) == 0 || all[len(all)-1].name != s.series {
			all = append(all, &trace{name: s.series, set: schedule.Compile([]config.Cron{{Spec: s.cron}})})
		}
		all[len(all)-1].add(s)
		all[len(all)-1].assumed = all[len(all)-1].assumed || assumed
	}
	return all
}

// add plays a span behind what there is.
func (tr *trace) add(s span) {
	after := traceStart
	if n := len(tr.ticks); n > 0 {
		after = tr.ticks[n-1].At
	}
	first := len(tr.ticks)
	for range s.ticks {
		next, _ := tr.set.Next(after)
		tr.ticks, after = append(tr.ticks, next), next.At
	}
	// 7 has no common divisor with what it is multiplied with, so every value comes.
	at := func(i int) time.Duration {
		return time.Duration(s.low+(i*7)%(s.high-s.low+1)) * time.Minute
	}
	switch s.kind {
	case "late":
		for i, tick := range tr.ticks[first:] {
			tr.runs = append(tr.runs, tick.At.Add(at(i)))
		}
	case "gaps":
		for i, now := 0, tr.ticks[first].At; ; i++ {
			if now = now.Add(at(i * 13)); now.After(after) {
				break
			}
			tr.runs = append(tr.runs, now)
		}
	}
}

// verdict is what a way of judging makes of a trace.
type verdict struct {
	caught, troubles, false_ int
	delays                   []time.Duration // of what it caught, from the tick
}

// history is how many ticks of a series are its past, of which nobody is told:
// it is read when a workflow is enrolled. A series that has no more has none.
const history = 20

// trouble is how late a run must be to count as one: alarms for less are false.
const trouble = 2 * time.Hour

// judge plays a trace to a judge: after which silence since the first tick
// without an answer, given the delays so far, would it raise the alarm?
func (tr *trace) judge(deadline func(delays []time.Duration) time.Duration) (v verdict) {
	answered := map[schedule.Tick]bool{}
	var learned []time.Duration
	open := 0 // the first tick that no run has answered or taken the place of
	end := tr.ticks[len(tr.ticks)-1].At.Add(24 * time.Hour)
	runs := slices.Clone(tr.runs)
	slices.SortFunc(runs, time.Time.Compare)
	for _, run := range append(runs, end) {
		if open < len(tr.ticks) && !tr.ticks[open].At.After(run) {
			silent := run.Sub(tr.ticks[open].At)
			grace := deadline(learned)
			judged := open >= history || len(tr.ticks) <= history
			if silent > trouble && judged {
				v.troubles++
			}
			switch {
			case !judged:
			case silent > grace && silent > trouble:
				v.caught++
				v.delays = append(v.delays, grace)
			case silent > grace:
				v.false_++
			}
			// The run ends the silence of everything before it.
			for open < len(tr.ticks) && !tr.ticks[open].At.After(run) {
				open++
			}
		}
		if tick, ok := tr.set.Match(run, func(t schedule.Tick) bool { return answered[t] }, nil); ok && run != end {
			answered[tick] = true
			learned = append(learned, run.Sub(tick.At))
			learned = learned[max(len(learned)-200, 0):]
		}
	}
	return v
}

func (tr *trace) weeks() float64 {
	return tr.ticks[len(tr.ticks)-1].At.Sub(tr.ticks[0].At).Hours() / (24 * 7)
}

// TestReplayOfRecordedLateness compares the learned graces with a fixed one of
// ten minutes. `go test -v -run Replay ./fallback/schedule` prints the table of
// docs/performance.md.
func TestReplayOfRecordedLateness(t *testing.T) {
	fixed := func([]time.Duration) time.Duration { return 10 * time.Minute }
	learned := func(delays []time.Duration) time.Duration { return schedule.Learn(delays).Hard }
	shown := func(v verdict) string {
		if len(v.delays) == 0 {
			return "–"
		}
		slices.Sort(v.delays)
		return v.delays[len(v.delays)/2].Round(time.Minute).String()
	}
	t.Log("| series | weeks | troubles | caught, learned | after (median) | false a week | caught, fixed | after | false a week |")
	type sum struct{ learned, fixed, weeks float64 }
	var all, recorded sum
	for _, tr := range readTraces(t) {
		l, f := tr.judge(learned), tr.judge(fixed)
		t.Logf("| %s | %.1f | %d | %d | %s | %.2f | %d | %s | %.2f |", tr.name, tr.weeks(), l.troubles,
			l.caught, shown(l), float64(l.false_)/tr.weeks(), f.caught, shown(f), float64(f.false_)/tr.weeks())
		for _, s := range []*sum{&all, &recorded} {
			if s == &all || !tr.assumed {
				s.learned, s.fixed, s.weeks = s.learned+float64(l.false_), s.fixed+float64(f.false_), s.weeks+tr.weeks()
			}
		}
		if l.caught != l.troubles {
			t.Errorf("%s: %d of %d troubles were caught", tr.name, l.caught, l.troubles)
		}
	}
	for name, s := range map[string]sum{"all": all, "without those that are partly assumed": recorded} {
		t.Logf("| %s | %.1f | | | | %.2f | | | %.2f |", name, s.weeks, s.learned/s.weeks, s.fixed/s.weeks)
		if s.learned*10 > s.fixed {
			t.Errorf("%s: %v false alarms with learned graces, %v with a fixed one", name, s.learned, s.fixed)
		}
	}
}
