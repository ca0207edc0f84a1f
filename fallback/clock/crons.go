package clock

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/store"
)

// cronsSince is when crons began that are younger than their watch, by name.
type cronsSince map[string]store.Millis

func readCrons(w *store.Watch) (young cronsSince, err error) {
	if w.CronsSince == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(w.CronsSince), &young); err != nil {
		return nil, &watchError{fmt.Errorf("decode crons of watch of %s: %w", w.WorkflowPath, err)}
	}
	return young, nil
}

// before says whether a tick was there before its cron was.
func (c cronsSince) before(t schedule.Tick) bool { return store.MillisOf(t.At) < c[t.Cron] }

// newCrons has the crons that a watch did not have until now begin now.
func (c *Clock) newCrons(w *store.Watch, crons []config.Cron) error {
	was, _, err := ReadWatch(w)
	young, err2 := readCrons(w)
	if err != nil || err2 != nil { // nothing of it can be kept
		w.WatchedSince, w.SettledThrough, w.CronsSince = c.now(), c.now(), ""
		return nil //nolint:nilerr // it begins anew
	}
	now, stands := cronsSince{}, false
	for _, cron := range crons {
		name := schedule.Name(cron)
		if slices.ContainsFunc(was.Crons, func(o config.Cron) bool { return schedule.Name(o) == name }) {
			stands = true
			if at := young[name]; at > w.WatchedSince {
				now[name] = at
			}
			continue
		}
		now[name] = c.now()
	}
	if !stands {
		w.SettledThrough = max(w.SettledThrough, c.now())
	}
	w.CronsSince = ""
	if len(now) > 0 {
		doc, err := json.Marshal(now)
		if err != nil {
			return fmt.Errorf("write crons of watch of %s: %w", w.WorkflowPath, err)
		}
		w.CronsSince = string(doc)
	}
	return nil
}

// Has says whether a cron is among those of a watch.
func Has(w *store.Watch, cron string) (bool, error) {
	facts, _, err := ReadWatch(w)
	return err == nil && slices.ContainsFunc(facts.Crons, func(c config.Cron) bool { return schedule.Name(c) == cron }), err
}

// Stands says whether a cron is among those of a watch, and was at its tick.
func Stands(w *store.Watch, t schedule.Tick) (bool, error) {
	facts, _, err := ReadWatch(w)
	if err != nil {
		return false, err
	}
	young, err := readCrons(w)
	return err == nil && !young.before(t) &&
		slices.ContainsFunc(facts.Crons, func(c config.Cron) bool { return schedule.Name(c) == t.Cron }), err
}
