package main

import (
	"fmt"
	"testing"
	"time"
)

// cronWorkflow is a workflow file with a schedule.
func cronWorkflow(name, cron string) string {
	return fmt.Sprintf("name: %s\non:\n  schedule: [{cron: %q}]\njobs:\n  work:\n    runs-on: ubuntu-latest\n    steps: [{run: \"true\"}]\n", name, cron)
}

// fail ends a run with a line of its job's log.
func (d *double) fail(run map[string]any, line string) {
	d.t.Helper()
	d.ctl(fmt.Sprintf("/runs/%.0f", run["id"]), map[string]any{"conclusion": "failure", "jobs": []any{map[string]any{
		"name": dig(run, "jobs", 0, "name"), "conclusion": "failure", "log": "##[error]" + line + "\n",
	}}})
}

// succeed ends a run well.
func (d *double) succeed(run map[string]any) {
	d.t.Helper()
	d.ctl(fmt.Sprintf("/runs/%.0f", run["id"]), map[string]any{"conclusion": "success"})
}

// judged fails the test unless the double saw every one of the operations.
func (d *double) judged(operations ...string) {
	d.t.Helper()
	calls := dig(d.ctl("/summary", nil), "by_operation")
	for _, o := range operations {
		if n, _ := dig(calls, o).(float64); n == 0 {
			d.t.Errorf("%s was never asked: %v", o, calls)
		}
	}
}

// stuckRun leaves a run in the queue: no runner takes it.
func stuckRun(t *testing.T, d *double) {
	d.ctl("/runs", map[string]any{"workflow": "stuck.yml", "event": "schedule"})
	only := func() map[string]any {
		list := d.runsOf("stuck")
		if len(list) != 1 {
			t.Fatalf("%d runs: %v", len(list), list)
		}
		return list[0]
	}
	d.until("a second attempt of what was stuck", func() bool { return only()["attempt"] == 2.0 })
	if was := dig(only(), "history", 0, "conclusion"); was != "cancelled" {
		t.Errorf("the attempt that was stuck ended %v", was)
	}
	d.succeed(only())
	d.until("the Check Run to show the recovery", func() bool {
		list := d.checks("redundancy / recover stuck")
		return len(list) == 1 && list[0]["conclusion"] == "success"
	})
}

// missedTick lets the minute of a schedule pass without a run, ends the run of
// the fallback, and starts the tick's own run after that.
func missedTick(t *testing.T, d *double, tick time.Time) {
	const name = "missed"
	before := len(d.runsOf("marketing-sync-fallback"))
	d.waited(t, tick)
	d.until("a run of the fallback", func() bool { return len(d.runsOf("marketing-sync-fallback")) > before })
	children := d.runsOf("marketing-sync-fallback")
	if reason := dig(children[before], "inputs", "reason"); reason != name {
		t.Errorf("the fallback ran for the reason %v", reason)
	}
	d.succeed(children[before])
	d.until("the Check Run to show the recovery", func() bool {
		list := d.checks("redundancy / recover " + name)
		return len(list) == 1 && list[0]["conclusion"] == "success"
	})
	d.ctl("/runs", map[string]any{"workflow": name + ".yml", "event": "schedule"})
	d.until("the late run to be cancelled", func() bool {
		list := d.runsOf(name)
		return len(list) == 1 && list[0]["conclusion"] == "cancelled"
	})
	if n := len(d.runsOf("marketing-sync-fallback")); n != before+1 {
		t.Errorf("the fallback ran %d times for one tick", n-before)
	}
}

// waited waits for a moment of the wall clock: both the server and the double
// are other processes, with clocks of their own.
func (*double) waited(t *testing.T, at time.Time) {
	t.Helper()
	select {
	case <-time.After(time.Until(at)):
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	}
}
