package history

import (
	"slices"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/store"
)

// An old run that left the newest hundred is started again and fails. What is
// not read by then, and what no longer matters, is not observed.
func TestScanFindsTheRerunOfAnOldRun(t *testing.T) {
	b := watching(t, githubtest.Config{})
	x := b.run(hourly, "schedule", "success")
	foreign := b.run(other, "push", "success")
	b.pass(10 * time.Minute)
	for range 120 {
		b.run(other, "push", "success")
	}
	b.pass(3 * time.Hour)
	for _, r := range []*githubtest.Run{x, foreign} {
		if err := r.Rerun("octocat"); err != nil {
			t.Fatal(err)
		}
		if err := r.Complete("failure"); err != nil {
			t.Fatal(err)
		}
	}
	if got := observed(b.pass(3 * time.Hour)); !slices.Equal(got, []int64{x.ID}) {
		t.Errorf("observed %v in three hours, want run %d alone, once", got, x.ID)
	}
}

// The watch is taken away for half an hour, and what fails meanwhile is found
// when it is back; it says nothing about webhooks.
func TestScanReadsAnewForAWatchThatIsBack(t *testing.T) {
	b := watching(t, githubtest.Config{})
	b.pass(2 * time.Hour)
	b.enrolOnly("0 * * * *", []string{pushed}, b.at)
	b.pass(10 * time.Minute)
	x := b.run(hourly, "schedule", "failure")
	b.pass(15 * time.Minute)
	if got := observed(b.pass(5 * time.Minute)); len(got) > 0 {
		t.Fatalf("observed %v while nobody watched", got)
	}
	b.enrol("0 * * * *", b.at)
	if got := observed(b.pass(3 * time.Hour)); !slices.Equal(got, []int64{x.ID}) {
		t.Errorf("observed %v, want run %d, once", got, x.ID)
	}
	if missed, err := b.store.Moment(b.ctx, store.MomentMissed); err != nil || !missed.IsZero() {
		t.Errorf("webhooks are in doubt because of it: %v %v", missed, err)
	}
}
