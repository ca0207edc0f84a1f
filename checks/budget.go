package checks

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redundancy-app/redundancy/config"
)

// NotChecked is the rule of the notice about files for which there was no time.
const NotChecked = "not-checked"

// namedFiles of the notice; the rest is counted.
const namedFiles = 10

// budget is the time that is left for linting the files of a commit. A file
// that was begun is finished: one takes a fraction of a second, whatever it
// holds.
type budget struct {
	mu   sync.Mutex
	left time.Duration
}

func (b *budget) spent() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.left <= 0
}

func (b *budget) spend(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left -= d
}

// lintOne waits for its turn, lints, and takes the time from the budget. It
// returns nil when the budget is spent by then.
func (v *Validator) lintOne(ctx context.Context, b *budget, content []byte) (*analysis, error) {
	if err := v.lints.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("wait for a processor: %w", err)
	}
	defer v.lints.Release(1)
	if b.spent() {
		return nil, nil
	}
	begun := v.Clock.Now()
	a := analyse(content)
	b.spend(v.Clock.Since(begun))
	return &a, nil
}

// noTime is the notice about files that were not checked.
func noTime(paths []string) config.Finding {
	names := strings.Join(paths[:min(len(paths), namedFiles)], ", ")
	if more := len(paths) - namedFiles; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	return config.Finding{
		File: paths[0], Line: 1, Column: 1, Rule: NotChecked, Severity: config.Notice,
		Message: "not checked: " + names + ". Checking the other files of this commit took all the time there is for one",
		Fix:     "run this check again: it goes on where it stopped",
	}
}
