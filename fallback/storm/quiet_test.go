package storm

import (
	"testing"
	"time"
)

// Where only one party is left, its successes close the breaker after a while:
// there are no others to wait for.
func TestOnePartyClosesIt(t *testing.T) {
	half := Breaker{State: HalfOpen, Since: start, Trips: 3}
	record := func(b Breaker, ok bool, after time.Duration) Breaker {
		return rules.Record(b, Outcome{At: start.Add(after), OK: ok, By: "x", Group: "a"}, start.Add(after))
	}
	r := rules
	last := r.MaxPause - time.Second
	b := record(record(half, true, time.Minute), true, last)
	if b.State != HalfOpen || r.Quiet(b, start.Add(last)) {
		t.Fatalf("closed before the longest pause has passed: %+v", b)
	}
	if !r.Quiet(b, start.Add(r.MaxPause)) {
		t.Error("not quiet after the longest pause")
	}
	if got := r.Forget(b, start.Add(last)); got.State != HalfOpen {
		t.Errorf("forgotten before: %+v", got)
	}
	for name, of := range map[string]Breaker{"one that succeeded": b, "nobody": half} {
		if got := r.Forget(of, start.Add(r.MaxPause)); got.State != Closed || got.Unproven != (name == "nobody") || got.Trips != 3 {
			t.Errorf("forgotten with %s: %+v", name, got)
		}
	}
	if got := record(b, true, r.MaxPause); got.State != Closed || got.Unproven {
		t.Errorf("%+v", got)
	}
	if b, ok := r.Take(b, 1, start.Add(last)); !ok || r.Quiet(b, start.Add(r.MaxPause)) {
		t.Error("quiet while somebody tries")
	}
	r.Row, r.Share, r.Groups = 0, 0, 2
	b = r.Record(half, Outcome{At: start.Add(time.Minute), Group: "a"}, start.Add(time.Minute))
	if b.State != HalfOpen || r.Quiet(b, start.Add(r.MaxPause)) || !r.Quiet(b, start.Add(r.MaxPause+time.Minute)) {
		t.Errorf("the hour does not begin anew with a failure: %+v", b)
	}
}
