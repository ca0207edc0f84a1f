package intake

import (
	"encoding/json"
	"strings"
	"testing"
)

// nested is a JSON object that is depth levels deep, arrays and objects taking
// turns, with strings that only look like more.
func nested(depth int) string {
	var b strings.Builder
	b.WriteString(`{"x\"[[{{":"\\","a":`)
	for i := range depth - 1 {
		if i%2 == 0 {
			b.WriteString("[")
		} else {
			b.WriteString(`{"[":`)
		}
	}
	b.WriteString("0")
	for i := depth - 2; i >= 0; i-- {
		if i%2 == 0 {
			b.WriteString("]")
		} else {
			b.WriteString("}")
		}
	}
	return b.String() + "}"
}

// Without the limit the two of 20 MiB end the test's process.
func TestNestingLimit(t *testing.T) {
	for name, tt := range map[string]struct {
		body string
		code int
	}{
		"below":                 {nested(maxNesting - 1), 202},
		"at it":                 {nested(maxNesting), 202},
		"above":                 {nested(maxNesting + 1), 400},
		"wide":                  {`{"a":[` + strings.Repeat("[],{},", maxNesting) + `0]}`, 202},
		"in a string":           {`{"a":"` + strings.Repeat("[", 2*maxNesting) + `"}`, 202},
		"string without end":    {`{"a":"` + strings.Repeat("[", 2*maxNesting), 400},
		"closings first":        {strings.Repeat("]", maxNesting) + strings.Repeat("[", 2*maxNesting), 400},
		"20 MiB of brackets":    {`{"a":` + strings.Repeat("[", 20<<20), 400},
		"20 MiB of objects":     {strings.Repeat(`{"":`, 5<<20), 400},
		"25 MiB, deep in a key": {`{"a":{"b":` + strings.Repeat("[", MaxBody-10), 400},
	} {
		t.Run(name, func(t *testing.T) {
			h := openHouse(t)
			code, _, text := hook{body: tt.body}.post(t, serve(t, h))
			if code != tt.code {
				t.Errorf("answered %d %q, want %d", code, text, tt.code)
			}
			if got := count(t, h.store, `SELECT COUNT(*) FROM deliveries`); (got == 1) != (tt.code == 202) {
				t.Errorf("%d deliveries stored", got)
			}
		})
	}
}

// TestNestingLimitIsThatOfTheStandardLibrary: what is let in can be decoded by
// whoever handles it.
func TestNestingLimitIsThatOfTheStandardLibrary(t *testing.T) {
	for _, depth := range []int{maxNesting, maxNesting + 1} {
		var v any
		if err := json.Unmarshal([]byte(nested(depth)), &v); (err != nil) != tooNested([]byte(nested(depth))) {
			t.Errorf("%d levels: encoding/json says %v", depth, err)
		}
	}
}

// FuzzNesting: what passes can be checked without any care for the stack, and
// no JSON that encoding/json takes is refused.
func FuzzNesting(f *testing.F) {
	f.Add(workflowRun())
	f.Add([]byte(nested(20)))
	f.Add([]byte(`{"a\\":"[\"["}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		// In front of raw, so that two more levels are one too many.
		deep := append([]byte(strings.Repeat("[", maxNesting-2)), raw...)
		var v any
		err := json.Unmarshal(append(deep, strings.Repeat("]", maxNesting-2)...), &v)
		if err == nil && tooNested(deep) {
			t.Error("encoding/json takes what is refused")
		}
		if err != nil && strings.Contains(err.Error(), "exceeded max depth") && !tooNested(deep) {
			t.Errorf("let through: %v", err)
		}
	})
}

func BenchmarkNesting(b *testing.B) {
	payload := workflowRun()
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		if tooNested(payload) {
			b.Fatal("refused")
		}
	}
}

func BenchmarkJSONOf(b *testing.B) {
	payload := workflowRun()
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		if _, err := jsonOf("application/json", payload); err != nil {
			b.Fatal(err)
		}
	}
}
