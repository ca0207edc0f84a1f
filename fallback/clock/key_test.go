package clock

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The key of a tick depends on the moment and not on how it is written, and on
// everything that makes it another tick.
func TestTickKey(t *testing.T) {
	const want = "8d9f6092d1d551af6b51f32b9254137e74684f0854ac79fa0da1c4ec7e833307" // sha256sum says so
	if got := TickKey(1, 2, ".github/workflows/a.yml", "0 6 * * *|UTC", time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)); got != want {
		t.Errorf("key %s", got)
	}
	rapid.Check(t, func(rt *rapid.T) {
		type tick struct {
			installation, repo int64
			path, cron         string
			at                 int64
		}
		draw := func(name string) tick {
			return tick{
				rapid.Int64Range(1, 3).Draw(rt, name), rapid.Int64Range(1, 3).Draw(rt, name), rapid.SampledFrom([]string{"a.yml", "b.yml"}).Draw(rt, name),
				rapid.SampledFrom([]string{"0 6 * * *|UTC", "0 6 * * *|Europe/Berlin"}).Draw(rt, name), rapid.Int64Range(29_000_000, 29_000_002).Draw(rt, name),
			}
		}
		zone := time.FixedZone("x", rapid.IntRange(-12, 14).Draw(rt, "zone")*3600)
		a, b := draw("a"), draw("b")
		key := func(k tick, z *time.Location) string {
			return TickKey(k.installation, k.repo, k.path, k.cron, time.Unix(k.at*60, 0).In(z))
		}
		if (key(a, zone) == key(b, time.UTC)) != (a == b) {
			rt.Fatalf("%+v and %+v", a, b)
		}
	})
}
