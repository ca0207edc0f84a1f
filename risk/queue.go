package risk

import (
	"fmt"
	"time"
)

// QueueWarning compares how long runs wait for a runner now with how long they
// usually do, over everything that is watched. It rises when GitHub Actions is in
// trouble, often before anybody says so.
type QueueWarning struct {
	Warning bool   `json:"warning"`
	Text    string `json:"text"`
	// P95 in seconds of the last 20 minutes; runs that still wait count with
	// their age.
	P95     float64 `json:"p95_seconds"`
	Samples int     `json:"samples"`
	Waiting int     `json:"waiting"` // of the samples, still without a runner
	// Baseline is the p95 in seconds of the 28 days before.
	Baseline        float64 `json:"baseline_p95_seconds"`
	BaselineSamples int     `json:"baseline_samples"`
}

const (
	queueWindow   = 20 * time.Minute
	queueBaseline = 28 * 24 * time.Hour
	// queueStale: what waits for longer is an orphan, and no news about now.
	queueStale = 6 * time.Hour
	// minQueue and minBaseline samples are needed for a p95 that means something.
	minQueue, minBaseline = 10, 100
	// A warning needs both: three times the baseline, and two minutes more.
	queueFactor = 3
	queueExcess = 2 * time.Minute
)

// queueWarning judges queue times: those of runs that began in the last 20
// minutes, ages of runs that still wait, and those of the baseline, in seconds.
func queueWarning(begun, waiting, baseline []float64) QueueWarning {
	// A run that waits briefly will perhaps wait no longer than usual: its age is
	// a lower bound and counts only once it is above the baseline.
	w := QueueWarning{Baseline: quantile(baseline, 0.95), BaselineSamples: len(baseline)}
	now := append([]float64{}, begun...)
	for _, age := range waiting {
		if age > w.Baseline {
			now = append(now, age)
			w.Waiting++
		}
	}
	w.P95, w.Samples = quantile(now, 0.95), len(now)
	switch {
	case len(baseline) < minBaseline:
		w.Text = fmt.Sprintf("not enough signal: %d of %d queue times of the last 28 days", len(baseline), minBaseline)
	case len(now) < minQueue:
		w.Text = fmt.Sprintf("not enough signal: %d of %d runs in the last 20 minutes", len(now), minQueue)
	default:
		w.Warning = w.P95 > queueFactor*w.Baseline && w.P95 > w.Baseline+queueExcess.Seconds()
		is := "as usual"
		if w.Warning {
			is = "GitHub Actions is slow to start runs"
		}
		w.Text = fmt.Sprintf("%s: p95 of the queue time is %s, of the last 28 days %s", is, seconds(w.P95), seconds(w.Baseline))
	}
	return w
}

func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(time.Second)
}
