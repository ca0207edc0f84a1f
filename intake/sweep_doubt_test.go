package intake

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/store"
)

// Whoever compares with GitHub's lists hears of which repositories deliveries
// have failed, and nothing is forgotten when it cannot take that in.
func TestSweepTellsWhoseDeliveriesFailed(t *testing.T) {
	_, g, s := sweeping(t)
	var told []int64
	failure := errors.New("not now")
	s.cfg.Failed = func(_ context.Context, _ *store.Tx, repos []int64) error {
		told = append(told, repos...)
		return failure
	}
	for i, d := range []struct {
		guid string
		code int
		repo int64
	}{{"a", 503, 12}, {"b", 202, 13}, {"c", 0, 11}, {"d", 500, 12}, {"e", 503, 0}, {"f", 503, 14}, {"f", 200, 14}} {
		g.add(d.guid, time.Hour-time.Duration(i)*time.Minute, d.code)
		g.attempts[0].Repository = d.repo
	}
	if _, err := s.Sweep(context.Background()); !errors.Is(err, failure) {
		t.Errorf("the sweep ends with %v", err)
	}
	failure = nil
	if _, err := s.Sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{11, 12, 11, 12}, told); diff != "" {
		t.Errorf("told of repositories (-want +got):\n%s", diff)
	}
	g.clock.Advance(time.Hour)
	if _, err := s.Sweep(context.Background()); err != nil || len(told) != 4 {
		t.Errorf("without a failure told of %v (%v)", told[4:], err)
	}
}
