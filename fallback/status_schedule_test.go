package fallback

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
)

func TestScheduleStatus(t *testing.T) {
	b, tick := newTickBench(t, config.Workflow{Schedule: config.Schedule{Grace: config.Duration(20 * time.Minute)}})
	get := func() (State, *ScheduleStatus) {
		t.Helper()
		st, err := b.engine.Status(b.ctx, b.at.ID)
		if err != nil {
			t.Fatal(err)
		}
		if st.Workflows[1].Schedule != nil {
			t.Error("a workflow without a schedule has one")
		}
		return st.Workflows[0].State, st.Workflows[0].Schedule
	}
	want := &ScheduleStatus{Next: &tick, NextCron: "0 6 * * *|UTC", Grace: 1200, Deadline: 3600}
	_, got := get()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	b.until(tick.Add(30 * time.Minute))
	next := tick.AddDate(0, 0, 1)
	want.Next, want.Late = &next, &LateTick{Tick: tick, By: 1800}
	state, got := get()
	if diff := cmp.Diff(want, got); diff != "" || state != Suspected {
		t.Error(state, diff)
	}
	x := b.come()
	want.Late.Run, want.Samples, want.P50, want.P95, want.P99 = x.ID, 1, 1800, 1800, 1800
	state, got = get()
	if diff := cmp.Diff(want, got); diff != "" || state != Healthy {
		t.Error(state, diff)
	}
}
