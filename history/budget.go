package history

import (
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/store"
)

const (
	// scanMin and scanMax bound the pause between two scans of a repository.
	scanMin, scanMax = 5 * time.Minute, time.Hour
	// doubtFor is how long scans stay frequent after a sign that webhooks are
	// lost. A process that was down needs three: what happened while it was
	// down, what was on its way when it came back, and a proof of peace.
	doubtFor = 12 * time.Minute
	// share is the part of the hourly limit that scans may spend: a tenth.
	share = 10
	// defaultHourly is GitHub's limit for an installation until it says more.
	defaultHourly = 5000
	// spareScan and spareRead are the parts of the limit that are left to the
	// recoveries: below a tenth there are no scans, below three tenths no past
	// is read.
	spareScan, spareRead = 0.10, 0.30
)

// interval is the pause between two scans of each of so many repositories that
// keeps within the share even if every answer counts.
func interval(repositories, hourly int) time.Duration {
	allowed := max(hourly/share, 1)
	return min(max(time.Hour*time.Duration(repositories)/time.Duration(allowed), scanMin), scanMax)
}

// budget is what scans of an installation may still spend in this hour.
type budget struct{ store.ScanBudget }

// at starts a new hour when the old one is over.
func (b *budget) at(now time.Time) {
	if b.Hourly <= 0 {
		b.Hourly = defaultHourly
	}
	if now.Sub(b.HourAt.Time()) >= time.Hour || now.Before(b.HourAt.Time()) {
		b.HourAt, b.Spent = store.MillisOf(now), 0
	}
}

// spent is true when nothing more may be asked in this hour.
func (b *budget) spent() bool { return b.Spent >= max(b.Hourly/share, 1) }

// over is when the hour ends.
func (b *budget) over() time.Time { return b.HourAt.Time().Add(time.Hour) }

// note counts an answer.
func (b *budget) note(p runs.Page) {
	if !p.Free {
		b.Spent++
	}
	if p.Rate.Limit > 0 {
		b.Hourly = p.Rate.Limit
	}
}

// scarce says until when the installation's limit is to be left alone because
// less than a part of it remains; ok is false while there is enough.
func scarce(rate github.Rate, spare float64, now time.Time) (until time.Time, ok bool) {
	if rate.Limit <= 0 || float64(rate.Remaining) >= spare*float64(rate.Limit) {
		return time.Time{}, false
	}
	// The reset is on GitHub's clock, and not said with the last request.
	if rate.Reset.IsZero() {
		return now.Add(time.Hour), true
	}
	if !rate.Reset.After(now) { // another hour has begun since
		return time.Time{}, false
	}
	return now.Add(min(max(rate.Reset.Sub(now), time.Minute), time.Hour)), true
}
