package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rhysd/actionlint"
	"github.com/robfig/cron/v3"

	"github.com/redundancy-app/redundancy/config"
)

// minInterval of a schedule, by GitHub's documentation of the event.
const minInterval = 5 * time.Minute

// maxCrons of one file that are looked at.
const maxCrons = 200

// cronInterval finds schedules whose shortest interval is too short, of which
// actionlint compares the first one only ("0,2 * * * *" passes there), and
// those that never come ("0 0 31 2 *"), about which it says that they come
// every 0 seconds.
func cronInterval(src source, found []config.Finding) []config.Finding {
	seen := 0
	for _, event := range src.on() {
		scheduled, ok := event.(*actionlint.ScheduledEvent)
		if !ok {
			continue
		}
		for _, s := range scheduled.Schedules {
			if seen++; s.Cron == nil || s.Cron.Pos == nil || seen > maxCrons {
				continue
			}
			found = cronFinding(s.Cron, found)
		}
	}
	return found
}

func cronFinding(spec *actionlint.String, found []config.Finding) []config.Finding {
	reported := slices.IndexFunc(found, func(f config.Finding) bool {
		return f.Line == spec.Pos.Line && strings.HasPrefix(f.Message, "scheduled job runs too frequently")
	})
	f := config.Finding{Line: spec.Pos.Line, Column: spec.Pos.Col, Severity: config.Error}
	switch shortest, ever, ok := shortestInterval(spec.Value); {
	case !ok:
		return found
	case !ever:
		f.Rule = "cron-never"
		f.Message = fmt.Sprintf("the schedule %q never comes: there is no such date", spec.Value)
		if reported >= 0 {
			found[reported] = f
			return found
		}
	case shortest >= minInterval || reported >= 0:
		return found
	default:
		f.Rule = "cron-too-often"
		f.Message = fmt.Sprintf("the schedule %q comes twice within %g minutes; GitHub leaves at least 5 between two runs", spec.Value, shortest.Minutes())
	}
	return append(found, f)
}

// shortestInterval of a schedule over one day on which it comes. ever is false
// when it does not come within five years (robfig/cron's horizon, which
// includes a 29 February), ok is false when spec is no schedule.
func shortestInterval(spec string) (shortest time.Duration, ever, ok bool) {
	schedule, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(spec)
	if err != nil {
		return 0, false, false
	}
	first := schedule.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Add(-time.Second))
	if first.IsZero() {
		return 0, false, true
	}
	shortest = 24 * time.Hour
	for last, end := first, first.Add(24*time.Hour); last.Before(end); {
		next := schedule.Next(last)
		if next.IsZero() {
			break
		}
		shortest = min(shortest, next.Sub(last))
		if shortest < minInterval {
			break
		}
		last = next
	}
	return shortest, true, true
}
