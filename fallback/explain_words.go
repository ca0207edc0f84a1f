package fallback

import (
	"fmt"
	"strings"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/store"
)

// evidenceText names the pieces of evidence that a person can look at.
func evidenceText(ev map[string]any) string {
	var parts []string
	for _, k := range []string{"run", "attempt", "conclusion", "exit_code", "duration", "started_by", "url", "actor", "said", "why"} {
		if v, ok := ev[k]; ok {
			if n, isNumber := v.(float64); isNumber { // JSON knows no other
				v = int64(n)
			}
			parts = append(parts, fmt.Sprintf("%s %v", strings.ReplaceAll(k, "_", " "), v))
		}
	}
	if len(parts) == 0 {
		return "the timeline"
	}
	return strings.Join(parts, ", ")
}

// span shows a length of time for people.
func span(m store.Millis) string {
	d := time.Duration(m) * time.Millisecond
	if d >= time.Minute {
		d = d.Round(time.Minute)
	} else {
		d = d.Round(time.Second)
	}
	return config.Duration(d).String()
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// short is how GitHub abbreviates a commit.
func short(sha string) string { return sha[:min(len(sha), 7)] }
