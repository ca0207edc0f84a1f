package storm

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var start = time.Date(2026, 7, 9, 12, 0, 0, 0, time.UTC)

var rules = Rules{
	Row: 5, Share: 0.5, Of: 10, Window: 5 * time.Minute, Pause: time.Minute, MaxPause: time.Hour, Probe: 10 * time.Minute, Close: 2, Early: 3,
}

func feed(r Rules, b Breaker, at time.Time, outcomes ...bool) Breaker {
	for i, ok := range outcomes {
		b = r.Record(b, Outcome{At: at, OK: ok, By: fmt.Sprint(i)}, at)
	}
	return b
}

func TestBreakerOpens(t *testing.T) {
	yes, no := true, false
	for name, c := range map[string]struct {
		rules    func(*Rules)
		outcomes []bool
		want     State
	}{
		"four in a row":                 {nil, []bool{no, no, no, no}, Closed},
		"five in a row":                 {nil, []bool{no, no, no, no, no}, Open},
		"a success between":             {nil, []bool{no, no, no, no, yes, no}, Closed},
		"half of nine":                  {nil, []bool{yes, no, yes, no, yes, no, no, yes, no}, Closed},
		"half of ten":                   {nil, []bool{yes, no, yes, no, yes, no, yes, no, yes, no}, Open},
		"less than half of ten":         {nil, []bool{yes, no, yes, no, yes, yes, yes, no, yes, no}, Closed},
		"five in a row, six parties":    {func(r *Rules) { r.Distinct = 6 }, []bool{no, no, no, no, no}, Closed},
		"five in a row of five parties": {func(r *Rules) { r.Distinct = 5 }, []bool{no, no, no, no, no}, Open},
	} {
		t.Run(name, func(t *testing.T) {
			r := rules
			if c.rules != nil {
				c.rules(&r)
			}
			if got := r.At(feed(r, Breaker{}, start, c.outcomes...), start); got.State != c.want {
				t.Errorf("%s after %v, want %s", got.State, c.outcomes, c.want)
			}
		})
	}
}

func TestOldFailuresDoNotCount(t *testing.T) {
	b := feed(rules, Breaker{}, start, false, false, false, false)
	later := start.Add(rules.Window + time.Second)
	if b = feed(rules, b, later, false); b.State != Closed {
		t.Errorf("%s with one failure in the window", b.State)
	}
	if b = rules.Record(b, Outcome{At: start}, later); len(b.Recent) != 1 {
		t.Errorf("an outcome from before the window was kept: %v", b.Recent)
	}
}

func TestPausesDouble(t *testing.T) {
	b := rules.Trip(rules.At(Breaker{}, start), start)
	now := start
	for _, want := range []int{1, 2, 4, 8, 16, 32, 60, 60} {
		if got := b.Until.Sub(now); got != time.Duration(want)*time.Minute {
			t.Fatalf("pause %s, want %d m", got, want)
		}
		now = b.Until
		if rules.Admits(b, 1, now.Add(-time.Millisecond)) {
			t.Fatal("admitted before the pause was over")
		}
		b = rules.Record(b, Outcome{At: now, By: "probe"}, now) // the probe fails
	}
	// Closed and well for long: the next trouble begins small again.
	b = feed(rules, b, b.Until, true, true)
	if b.State != Closed {
		t.Fatal(b.State)
	}
	if soon := rules.Trip(b, b.Since.Add(time.Minute)); soon.Until.Sub(soon.Since) != time.Hour {
		t.Errorf("pause %s right after, want 1h", soon.Until.Sub(soon.Since))
	}
	if late := rules.Trip(b, b.Since.Add(2*time.Hour)); late.Until.Sub(late.Since) != time.Minute {
		t.Errorf("pause %s much later, want 1m", late.Until.Sub(late.Since))
	}
}

func TestJitterIsTenPercent(t *testing.T) {
	for _, c := range []struct{ random, minutes float64 }{{0, .9}, {.5, 1}, {.999999, 1.1}} {
		r := rules
		r.Random = func() float64 { return c.random }
		b := r.Trip(r.At(Breaker{}, start), start)
		if got := b.Until.Sub(start).Minutes(); got < c.minutes-.01 || got > c.minutes+.01 {
			t.Errorf("pause of %.3f minutes with %v, want %v", got, c.random, c.minutes)
		}
	}
}

func TestOneProbeAtATime(t *testing.T) {
	b := rules.Trip(rules.At(Breaker{}, start), start)
	now := b.Until
	if _, ok := rules.Take(b, 1, now.Add(-time.Second)); ok {
		t.Error("taken while open")
	}
	b, ok := rules.Take(b, 1, now)
	if !ok || b.Probe != 1 {
		t.Fatalf("%v %+v", ok, b)
	}
	if _, ok := rules.Take(b, 2, now); ok {
		t.Error("a second probe")
	}
	if _, ok := rules.Take(b, 1, now); !ok {
		t.Error("the probe itself was refused")
	}
	// Its time is up: another one's turn.
	if b, ok = rules.Take(b, 2, now.Add(rules.Probe)); !ok || b.Probe != 2 {
		t.Errorf("%v %+v", ok, b)
	}
	// An answer frees the place.
	if b = feed(rules, b, now.Add(rules.Probe), true); b.Probe != 0 || b.State != HalfOpen {
		t.Errorf("%+v", b)
	}
}

func TestEvidenceFromBeforeDoesNotClose(t *testing.T) {
	b := rules.Trip(rules.At(Breaker{}, start), start)
	now := b.Until.Add(time.Minute)
	for range 5 {
		b = rules.Record(b, Outcome{At: start.Add(-time.Minute), OK: true}, now)
	}
	if b = rules.At(b, now); b.State != HalfOpen {
		t.Errorf("%s by runs that began before", b.State)
	}
}

func TestSuccessesOfOnePartyCountOnce(t *testing.T) {
	b := rules.At(rules.Trip(rules.At(Breaker{}, start), start), start.Add(time.Minute))
	now := b.Since
	for range 3 {
		b = rules.Record(b, Outcome{At: now, OK: true, By: "a"}, now)
	}
	if b.State != HalfOpen {
		t.Fatalf("%s by three successes of one", b.State)
	}
	if b = rules.Record(b, Outcome{At: now, OK: true, By: "b"}, now); b.State != Closed {
		t.Errorf("%s by two", b.State)
	}
}

func TestEarlyEnd(t *testing.T) {
	b := rules.Trip(rules.At(Breaker{}, start), start)
	at := start.Add(time.Second)
	if b = feed(rules, b, at, true, true, false, true, true); b.State != Open {
		t.Fatalf("%s after two in a row", b.State)
	}
	if b = rules.Record(b, Outcome{At: at, OK: true, By: "x"}, at); b.State != HalfOpen {
		t.Errorf("%s after three in a row", b.State)
	}
}

func TestLimit(t *testing.T) {
	b := rules.Limit(Breaker{}, start.Add(40*time.Minute), start)
	if b.State != Open || !b.Until.Equal(start.Add(40*time.Minute)) || b.Trips != 0 {
		t.Fatalf("%+v", b)
	}
	if got := rules.Limit(b, start.Add(time.Minute), start); !got.Until.Equal(b.Until) {
		t.Error("a shorter limit shortened it")
	}
	if got := rules.Limit(Breaker{}, start, start); got.State != Closed {
		t.Error("a limit that is over opened it")
	}
}

// Whatever happens: at most one probe at a time, no use while open, pauses
// within bounds, what is kept is bounded and survives being stored.
func TestBreakerInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rules
		r.Distinct = rapid.IntRange(0, 4).Draw(t, "distinct")
		r.Random = func() float64 { return rapid.Float64Range(0, .999).Draw(t, "random") }
		b, now := Breaker{}, start
		for range rapid.IntRange(1, 200).Draw(t, "events") {
			now = now.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "seconds")) * time.Second)
			before := r.At(b, now)
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0, 1:
				age := time.Duration(rapid.IntRange(0, 400).Draw(t, "age")) * time.Second
				b = r.Record(b, Outcome{At: now.Add(-age), OK: rapid.Bool().Draw(t, "ok"), By: fmt.Sprint(rapid.IntRange(0, 6).Draw(t, "by"))}, now)
			case 2:
				who := int64(rapid.IntRange(1, 4).Draw(t, "who"))
				var ok bool
				if b, ok = r.Take(b, who, now); ok {
					if before.State == Open || before.State == HalfOpen && before.Probe != 0 && before.Probe != who {
						t.Fatalf("%d admitted by %+v", who, before)
					}
				}
			case 3:
				raw, err := json.Marshal(b)
				var back Breaker
				if err == nil {
					err = json.Unmarshal(raw, &back)
				}
				if err != nil || cmp.Diff(r.At(b, now), r.At(back, now)) != "" {
					t.Fatalf("%v %s", err, cmp.Diff(b, back))
				}
				b = back
			}
			if b.State == Open && (b.Until.Sub(b.Since) > r.MaxPause*11/10+1 || !b.Until.After(b.Since)) {
				t.Fatalf("pause of %s", b.Until.Sub(b.Since))
			}
			if before.State == HalfOpen && b.State == Closed && len(before.Recent) == 0 && r.Close > 1 && now.Sub(before.Since) < r.MaxPause {
				t.Fatal("closed by one success")
			}
			if len(b.Recent) > maxRecent {
				t.Fatalf("%d outcomes kept", len(b.Recent))
			}
		}
	})
}

// One group that fails while half open does not open it again by itself: not
// by what it does of its own, and not by a probe once it is in doubt.
func TestOneGroupDoesNotOpenItAgain(t *testing.T) {
	r := rules
	r.Row, r.Share, r.Groups = 0, 0, 2
	no := func(b Breaker, group string, probe int64) Breaker {
		return r.Record(b, Outcome{At: start, By: group, Group: group, Probe: probe}, start)
	}
	take := func(b Breaker, who int64) Breaker {
		t.Helper()
		b, ok := r.Take(b, who, start)
		if !ok {
			t.Fatalf("%d is not admitted: %+v", who, b)
		}
		return b
	}
	half := Breaker{State: HalfOpen, Since: start}
	doubtful := half
	doubtful.Doubts = []string{"a"}
	for name, c := range map[string]struct {
		got  Breaker
		want State
	}{
		"one group three times":      {no(no(no(half, "a", 0), "a", 0), "a", 0), HalfOpen},
		"two groups":                 {no(no(half, "a", 0), "b", 0), Open},
		"a probe":                    {no(take(half, 1), "a", 1), Open},
		"somebody else's probe":      {no(take(half, 1), "a", 2), HalfOpen},
		"a probe in doubt":           {no(take(doubtful, 1), "a", 1), HalfOpen},
		"two probes in doubt":        {no(take(no(take(doubtful, 1), "a", 1), 2), "a", 2), Open},
		"a probe of another group":   {no(take(doubtful, 1), "b", 1), Open},
		"any number, never that row": {no(no(no(no(no(Breaker{}, "a", 0), "b", 0), "c", 0), "d", 0), "e", 0), Closed},
	} {
		if c.got.State != c.want {
			t.Errorf("%s: %s, want %s", name, c.got.State, c.want)
		}
	}
	b := no(take(half, 1), "a", 1)
	if b = r.At(b, b.Until); b.State != HalfOpen || !cmp.Equal(b.Doubts, []string{"a"}) {
		t.Errorf("the group of the failed probe is forgotten: %+v", b)
	}
	if b = r.Heal(b, start); b.State != Closed || b.Doubts != nil {
		t.Errorf("%+v after it was healed", b)
	}
}

// A clock that was hours ahead and is set right has stopped nothing for hours.
func TestBreakerOfAClockThatWasAhead(t *testing.T) {
	const off = 8 * time.Hour
	open := rules.Trip(Breaker{State: Closed}, start.Add(off))
	if got := rules.At(open, start); got.State != HalfOpen || !rules.Admits(open, 7, start) {
		t.Errorf("open: %+v", got)
	}
	probing, ok := rules.Take(Breaker{State: HalfOpen, Since: start.Add(off)}, 7, start.Add(off))
	if !ok || !rules.Admits(probing, 8, start) {
		t.Errorf("a probe of then keeps its place: %+v", probing)
	}
	if b, ok := rules.Take(open, 8, start); !ok || rules.Admits(b, 9, start) || rules.Record(b, Outcome{At: start, OK: false, Probe: 8}, start).State != Open {
		t.Errorf("its probe decides: %t %+v", ok, b)
	}
	// A moment is no clock that is wrong.
	if got := rules.At(rules.Trip(Breaker{State: Closed}, start.Add(ahead)), start); got.State != Open {
		t.Errorf("a moment ahead: %s", got.State)
	}
}
