package fallback

import (
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
)

// Crons of one file are different work: the run of one takes the place of no
// tick of another.
func TestADailyTickBesideAFrequentCron(t *testing.T) {
	b := newKnownBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{local}})
	daily := b.toTick("0 6 * * *")
	b.enrol(scheduled("0 6 * * *", "10 * * * *"))
	for i := range 3 {
		b.until(daily.Add(time.Duration(i)*time.Hour + 11*time.Minute))
		x := b.come()
		b.end(x, "success")
		b.observe(x.ID)
	}
	if inc := b.want(Recovered); !inc.Tick.Equal(daily) || b.effects()[kindRun] != 1 {
		t.Errorf("tick %s, %v", inc.Tick, b.effects())
	}
}

// A tick that is certain to be missing is not settled by an edit of its cron:
// a person is asked all the same, until a run has taken its place.
func TestTheCronIsEditedAfterTheMiss(t *testing.T) {
	for name, c := range map[string]struct {
		edited time.Duration
		want   State
	}{"while it is only late": {30 * time.Minute, Healthy}, "when it is certain": {90 * time.Minute, InDoubt}} {
		t.Run(name, func(t *testing.T) {
			b := newKnownBench(t, config.Workflow{Recover: []config.Step{dispatch}})
			tick := b.toTick("0 6 * * *")
			b.enrol(scheduled("0 6 * * *"))
			b.until(tick.Add(c.edited))
			b.enrol(scheduled("17 6 * * *"))
			b.until(tick.Add(3 * time.Hour))
			b.want(c.want)
			b.until(tick.Add(24*time.Hour + 18*time.Minute))
			x := b.come()
			b.end(x, "success")
			b.observe(x.ID)
			if inc := b.only(); inc.State == InDoubt {
				t.Errorf("a run of the new cron leaves it %s", inc.State)
			}
		})
	}
}

// A cron of every minute is started every five minutes, and misses nothing then.
func TestEveryMinuteIsEveryFive(t *testing.T) {
	b := newKnownBench(t, config.Workflow{Effect: config.Idempotent, Schedule: config.Schedule{Catchup: config.CatchupAll}, Recover: []config.Step{local}})
	tick := b.toTick("0 6 * * *")
	b.enrol(every("* * * * *"))
	for i := range 30 {
		b.until(tick.Add(time.Duration(i)*5*time.Minute + 10*time.Second))
		x := b.come()
		b.end(x, "success")
		b.observe(x.ID)
	}
	if b.incidents() != 0 || len(b.effects()) != 0 {
		t.Errorf("%d incidents, %v", b.incidents(), b.effects())
	}
}

// A run that is created a minute before its tick is its answer.
func TestARunAMinuteEarly(t *testing.T) {
	b := newKnownBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{local}})
	tick := b.toTick("0 6 * * *")
	b.clock.Advance(-time.Minute)
	b.watch()
	b.until(tick.Add(-time.Minute))
	x := b.come()
	b.begin(x)
	b.until(tick.Add(5 * time.Minute))
	b.end(x, "success")
	b.observe(x.ID)
	b.until(tick.Add(3 * time.Hour))
	if len(b.effects()) != 0 || b.incidents() != 0 {
		t.Errorf("%v, %d incidents", b.effects(), b.incidents())
	}
}
