package stall

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v62/github"
	"pgregory.net/rapid"

	"github.com/redundancy-app/redundancy/config"
)

var start = time.Date(2026, 11, 11, 20, 15, 0, 0, time.UTC)

func minutes(n ...int) []time.Duration {
	var out []time.Duration
	for _, m := range n {
		out = append(out, time.Duration(m)*time.Minute)
	}
	return out
}

func TestLearn(t *testing.T) {
	for name, tc := range map[string]struct {
		conf config.Stall
		past History
		want Limits // without Behind and Unseen
	}{
		"nothing known":            {want: Limits{Queued: 15 * time.Minute, Running: 30 * time.Minute, Duration: 2 * time.Hour}},
		"too few samples":          {past: History{Queued: minutes(60, 60, 60, 60), Durations: minutes(1, 1, 1, 1), Steps: minutes(60, 60, 60, 60)}, want: Limits{Queued: 15 * time.Minute, Running: 30 * time.Minute, Duration: 2 * time.Hour}},
		"below the minimum":        {past: History{Queued: minutes(1, 1, 1, 1, 4), Steps: minutes(1, 2, 3, 4, 14)}, want: Limits{Queued: 15 * time.Minute, Running: 30 * time.Minute, Duration: 2 * time.Hour}},
		"learned":                  {past: History{Queued: minutes(1, 1, 1, 1, 10), Steps: minutes(1, 2, 3, 4, 20), Durations: minutes(10, 10, 10, 10, 10)}, want: Limits{Queued: 30 * time.Minute, Running: 40 * time.Minute, Duration: 10 * time.Minute}},
		"at most a day":            {past: History{Queued: minutes(600, 600, 600, 600, 600), Steps: minutes(900, 900, 900, 900, 900)}, want: Limits{Queued: 24 * time.Hour, Running: 24 * time.Hour, Duration: 2 * time.Hour}},
		"six deviations":           {past: History{Durations: minutes(8, 9, 10, 11, 12)}, want: Limits{Queued: 15 * time.Minute, Running: 30 * time.Minute, Duration: 10*time.Minute + 533736*time.Millisecond}},
		"one bad run moves little": {past: History{Durations: minutes(10, 10, 10, 10, 300)}, want: Limits{Queued: 15 * time.Minute, Running: 30 * time.Minute, Duration: 10 * time.Minute}},
		"configured": {conf: config.Stall{Queued: config.Duration(time.Minute), Running: config.Duration(2 * time.Minute)}, past: History{Queued: minutes(60, 60, 60, 60, 60), Durations: minutes(60, 60, 60, 60, 60)},
			want: Limits{Queued: time.Minute, Running: 2 * time.Minute, Duration: 0}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Learn(tc.conf, tc.past)
			got.Behind, got.Unseen = 0, 0
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("limits (-want +got):\n%s", diff)
			}
		})
	}
}

// How long a run may stand behind another, and how long its jobs may be unseen.
func TestLearnPatience(t *testing.T) {
	for name, tc := range map[string]struct {
		conf           config.Stall
		past           History
		behind, unseen time.Duration
	}{
		"nothing known": {behind: 24 * time.Hour, unseen: 6 * time.Hour},
		"learned":       {past: History{Queued: minutes(1, 1, 1, 1, 600), Durations: minutes(200, 200, 200, 200, 200)}, behind: 30 * time.Hour, unseen: 10 * time.Hour},
		"configured":    {conf: config.Stall{Queued: config.Duration(50 * time.Hour), Running: config.Duration(60 * time.Hour)}, behind: 50 * time.Hour, unseen: 60 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			if l := Learn(tc.conf, tc.past); l.Behind != tc.behind || l.Unseen != tc.unseen {
				t.Errorf("behind %v, unseen %v; want %v and %v", l.Behind, l.Unseen, tc.behind, tc.unseen)
			}
		})
	}
}

func TestJudge(t *testing.T) {
	l := Limits{Queued: 15 * time.Minute, Running: 30 * time.Minute, Duration: 2 * time.Hour, Behind: 24 * time.Hour, Unseen: 6 * time.Hour}
	after := func(d time.Duration) time.Time { return start.Add(d) }
	queued := Sight{Status: "queued", Since: start}
	busy := Sight{Status: "in_progress", Since: start, Steps: 2, Began: after(time.Minute), Moved: after(10 * time.Minute)}
	approved := busy
	approved.Since = after(24 * time.Hour)
	behind := Sight{Status: "pending", Since: start, Front: true}
	alone := Sight{Status: "pending", Since: start, Alone: true}
	unseen := Sight{Status: "in_progress", Since: start, Unseen: after(time.Hour)}
	with := func(s Sight, status string) Sight { s.Status = status; return s }
	for name, tc := range map[string]struct {
		see   Sight
		at    time.Duration
		level Level
		next  time.Duration // 0: none
	}{
		"queued":                             {queued, 5*time.Minute - 1, Fine, 5 * time.Minute},
		"queued for long":                    {queued, 5 * time.Minute, Suspected, 15 * time.Minute},
		"queued just below the limit":        {queued, 15*time.Minute - 1, Suspected, 15 * time.Minute},
		"queued too long":                    {queued, 15 * time.Minute, Stuck, 0},
		"a runner was named, nothing began":  {with(queued, "in_progress"), 15 * time.Minute, Stuck, 0},
		"waits for an approval":              {with(queued, "waiting"), 29 * 24 * time.Hour, Waiting, 29*24*time.Hour + time.Hour},
		"behind its group":                   {with(queued, "pending"), time.Hour, Waiting, 2 * time.Hour},
		"not long behind its group":          {alone, 15*time.Minute - 1, Waiting, 15 * time.Minute},
		"behind nothing":                     {alone, 15 * time.Minute, Stuck, 0},
		"not a day behind another":           {behind, 24*time.Hour - 1, Waiting, 25*time.Hour - 1},
		"a day behind another":               {behind, 24 * time.Hour, Suspected, 25 * time.Hour},
		"its jobs are not shown":             {unseen, 7*time.Hour - 1, Unseen, 7 * time.Hour},
		"its jobs are not shown for long":    {unseen, 7 * time.Hour, Stuck, 0},
		"they are not, and it waits":         {with(unseen, "waiting"), 24 * time.Hour, Waiting, 25 * time.Hour},
		"goes on":                            {busy, 40*time.Minute - 1, Fine, 40 * time.Minute},
		"a long step in a run of usual time": {busy, 40 * time.Minute, Suspected, 121 * time.Minute},
		"just below the usual time":          {busy, 121*time.Minute - 1, Suspected, 121 * time.Minute},
		"hangs":                              {busy, 121 * time.Minute, Stuck, 0},
		"its next job waits for an approval": {with(busy, "waiting"), 24 * time.Hour, Waiting, 25 * time.Hour},
		"it was approved a moment ago":       {approved, 24*time.Hour + 30*time.Minute, Suspected, 26 * time.Hour},
		"the next job waits for a runner":    {with(busy, "queued"), 121 * time.Minute, Stuck, 0},
	} {
		t.Run(name, func(t *testing.T) {
			v := Judge(tc.see, l, after(tc.at))
			if v.Level != tc.level {
				t.Errorf("level %d, want %d", v.Level, tc.level)
			}
			switch {
			case tc.next == 0 && !v.Next.IsZero(), tc.next != 0 && !v.Next.Equal(after(tc.next)):
				t.Errorf("next look %v, want after %v", v.Next.Sub(start), tc.next)
			}
		})
	}
}

// Whatever is seen: time never makes a level milder while nothing moves, and a
// look that is announced is ahead, so that nobody looks in circles.
func TestJudgeIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		span := func(name string) time.Duration {
			return time.Duration(rapid.Int64Range(0, int64(48*time.Hour)).Draw(t, name))
		}
		s := Sight{Status: rapid.SampledFrom([]string{"queued", "in_progress", "waiting", "pending"}).Draw(t, "status"), Since: start}
		s.Alone = s.Status == "pending" && rapid.Bool().Draw(t, "alone")
		s.Front = s.Status == "pending" && !s.Alone
		if rapid.Bool().Draw(t, "began") {
			s.Steps, s.Began = 1, start.Add(span("began"))
			s.Moved = s.Began.Add(span("moved"))
		}
		l := Limits{Queued: span("queued"), Running: span("running"), Duration: span("duration"), Behind: span("behind")}
		at := start.Add(span("at"))
		if at.Before(s.Moved) {
			at = s.Moved
		}
		later := span("later")
		before, after := Judge(s, l, at), Judge(s, l, at.Add(later))
		if after.Level < before.Level {
			t.Fatalf("level went from %d to %d", before.Level, after.Level)
		}
		if before.Level != Stuck && !before.Next.After(at) {
			t.Fatalf("level %d with the next look %v ahead", before.Level, before.Next.Sub(at))
		}
		if before.Level == Stuck && !before.Next.IsZero() {
			t.Fatal("stuck, and looked at again")
		}
	})
}

func stamp(d time.Duration) *github.Timestamp { return &github.Timestamp{Time: start.Add(d)} }

func TestSee(t *testing.T) {
	step := func(name, status, conclusion string, began, ended *github.Timestamp) *github.TaskStep {
		return &github.TaskStep{Name: &name, Status: &status, Conclusion: &conclusion, StartedAt: began, CompletedAt: ended}
	}
	kept := &github.WorkflowJob{Name: github.String("kept"), StartedAt: stamp(-time.Hour), Steps: []*github.TaskStep{step("old", "completed", "success", stamp(-time.Hour), stamp(-time.Minute))}}
	busy := &github.WorkflowJob{Name: github.String("busy"), StartedAt: stamp(time.Minute), Steps: []*github.TaskStep{
		step("set up", "completed", "success", stamp(time.Minute), stamp(2*time.Minute)), step("left out", "completed", "skipped", stamp(2*time.Minute), stamp(2*time.Minute)),
		step("sync", "in_progress", "", stamp(2*time.Minute), nil), step("later", "queued", "", nil, nil),
	}}
	idle := &github.WorkflowJob{Name: github.String("idle"), Status: github.String("queued"), StartedAt: stamp(0)}
	for name, tc := range map[string]struct {
		jobs []*github.WorkflowJob
		want Sight
	}{
		"no jobs":             {nil, Sight{}},
		"a job in the queue":  {[]*github.WorkflowJob{idle}, Sight{Jobs: 1}},
		"jobs that were kept": {[]*github.WorkflowJob{kept, idle, nil}, Sight{Jobs: 3}},
		"steps":               {[]*github.WorkflowJob{kept, busy}, Sight{Jobs: 2, Steps: 2, Began: start.Add(time.Minute), Moved: start.Add(2 * time.Minute), Job: "busy", Step: "sync"}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.want.Status, tc.want.Since = "queued", start
			if diff := cmp.Diff(tc.want, See("queued", start, start, tc.jobs)); diff != "" {
				t.Errorf("sight (-want +got):\n%s", diff)
			}
		})
	}
	if got := Lengths([]*github.WorkflowJob{busy, kept, nil}); !slices.Equal(got, []time.Duration{time.Minute, 59 * time.Minute}) {
		t.Errorf("lengths %v", got)
	}
}
