package fallback

import (
	"context"
	"time"

	"github.com/redundancy-app/redundancy/fallback/clock"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/store"
)

// ScheduleStatus says how the schedule of a watched workflow stands.
type ScheduleStatus struct {
	Next     *time.Time `json:"next,omitempty"`      // tick that is expected next
	NextCron string     `json:"next_cron,omitempty"` // of that tick, "spec|timezone"
	Late     *LateTick  `json:"late,omitempty"`
	// Grace and Deadline are how late a run may be before its tick is suspected
	// and before it counts as missed, in seconds: learned or configured.
	Grace    int64 `json:"grace_seconds"`
	Deadline int64 `json:"deadline_seconds"`
	// The delays of the last 28 days, in seconds; 0 without samples.
	P50     int64 `json:"p50_seconds"`
	P95     int64 `json:"p95_seconds"`
	P99     int64 `json:"p99_seconds"`
	Samples int   `json:"samples"`
	// State of the workflow as GitHub has it (active, disabled_…); "" while unknown.
	State string `json:"workflow_state,omitempty"`
}

// LateTick is a tick that is late, and no failure.
type LateTick struct {
	Tick time.Time `json:"tick"`
	By   int64     `json:"by_seconds"`    // until now, or until its run came
	Run  int64     `json:"run,omitempty"` // 0 while none has come
}

// scheduleStatus is nil for a workflow that no schedule starts.
func (e *Engine) scheduleStatus(ctx context.Context, repoID int64, file string, inc *Incident) (*ScheduleStatus, error) {
	db := e.Store.Read()
	w, ok, err := store.ReadWatch(ctx, db, repoID, file)
	if err != nil || !ok {
		return nil, err
	}
	facts, flow, err := clock.ReadWatch(&w)
	if err != nil {
		return nil, err
	}
	set := e.clock.Schedule(facts.Crons)
	if set.Empty() {
		return nil, nil
	}
	g, err := e.clock.Learned(ctx, &w, flow)
	if err != nil {
		return nil, err
	}
	s := &ScheduleStatus{
		Grace: seconds(g.Soft), Deadline: seconds(g.Hard), P50: seconds(g.P50), P95: seconds(g.P95), P99: seconds(g.P99),
		Samples: g.Samples, State: w.WorkflowState,
	}
	if next, ok := set.Next(e.Clock.Now()); ok && !schedule.SwitchedOff(w.WorkflowState) {
		s.Next, s.NextCron = &next.At, next.Cron
	}
	if inc != nil && inc.State == Suspected && inc.Signal == Missed && inc.Tick != nil {
		s.Late = &LateTick{Tick: *inc.Tick, By: seconds(e.Clock.Since(*inc.Tick))}
		return s, nil
	}
	last, ok, err := e.Store.LatestRun(ctx, repoID, file)
	if lag := last.CreatedAt.Time().Sub(last.TickAt.Time()); err == nil && ok && last.TickAt >= w.WatchedSince && last.TickAt != 0 && lag > e.scaled(g.Soft) {
		s.Late = &LateTick{Tick: last.TickAt.Time(), By: seconds(lag), Run: last.RunID}
	}
	return s, err
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }
