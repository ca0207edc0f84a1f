package checks

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/checks/rules"
	"github.com/redundancy-app/redundancy/store"
)

const (
	// touchAfter is how exact the time of last use in the store is.
	touchAfter = 24 * time.Hour
	// recentFiles are kept decoded in memory, so that a push to a repository
	// with 2,000 workflows does not decode 2,000 rows. Only those of up to
	// recentBytes in the store: clean workflows take 200, and a hostile
	// repository cannot take more than some 30 MB of memory.
	recentFiles = 5000
	recentBytes = 2 << 10
)

// Roles under which blobs are cached: what a content means depends on where it
// stands, and nothing else does.
const (
	roleWorkflow      = "workflow"
	roleConfiguration = "configuration"
)

// recentKey names a cached file; what a content means depends on its role.
type recentKey struct{ role, blob string }

type recentFile struct {
	*file
	touched time.Time // when its use was last noted in the store
}

// cacheVersion ties what is cached to the rules, and in a released binary to
// the build, so that nobody has to remember to raise a number.
var cacheVersion = sync.OnceValue(func() string {
	version := rules.Version
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				version += "/" + s.Value
			}
		}
	}
	return version
})

// known finds what was seen before: in memory, else in the store.
func (v *Validator) known(ctx context.Context, role string, blobs []string) (map[string]*file, error) {
	known := make(map[string]*file, len(blobs))
	now := v.Clock.Now()
	var ask, stale []string
	for _, blob := range blobs {
		r, ok := v.recent.Get(recentKey{role, blob})
		if !ok {
			ask = append(ask, blob)
			continue
		}
		known[blob] = r.file
		if now.Sub(r.touched) > touchAfter {
			stale = append(stale, blob)
			v.recent.Add(recentKey{role, blob}, recentFile{r.file, now})
		}
	}
	rows, err := v.Store.LintResults(ctx, cacheVersion(), role, ask)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		f, err := decode(row)
		if err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Str("blob", row.Blob).Msg("cached findings are unreadable; reading the file again")
			continue
		}
		known[row.Blob] = f
		touched := row.UsedAt.Time()
		if now.Sub(touched) > touchAfter {
			stale, touched = append(stale, row.Blob), now
		}
		v.remember(row, f, touched)
	}
	v.metrics.cache.WithLabelValues("hit").Add(float64(len(known)))
	v.metrics.cache.WithLabelValues("miss").Add(float64(len(blobs) - len(known)))
	if len(stale) == 0 {
		return known, nil
	}
	return known, v.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		return store.TouchLintResults(ctx, tx, role, stale, store.MillisOf(now))
	})
}

// remember keeps a small file in memory. It is shared from then on: nobody
// changes it.
func (v *Validator) remember(row store.LintResult, f *file, touched time.Time) {
	if len(row.Result) <= recentBytes {
		v.recent.Add(recentKey{row.Role, row.Blob}, recentFile{f, touched})
	}
}

func encode(role, blob string, f *file, now store.Millis) (store.LintResult, error) {
	row := store.LintResult{Blob: blob, Role: role, Version: cacheVersion(), Result: f.content, UsedAt: now}
	if role == roleConfiguration {
		if row.Result == nil {
			row.Result = []byte{}
		}
		return row, nil
	}
	var err error
	if row.Result, err = json.Marshal(f.analysis); err != nil {
		return row, fmt.Errorf("encode findings: %w", err)
	}
	return row, nil
}

func decode(row store.LintResult) (*file, error) {
	if row.Role == roleConfiguration {
		return &file{content: row.Result}, nil
	}
	f := &file{}
	if err := json.Unmarshal(row.Result, &f.analysis); err != nil {
		return nil, fmt.Errorf("decode findings: %w", err)
	}
	return f, nil
}
