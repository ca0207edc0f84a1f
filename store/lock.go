package store

import (
	"fmt"
	"os"
	"strings"

	"github.com/gofrs/flock"
)

// takeLock takes the advisory lock that keeps a second process off the
// database. The kernel drops it when this process dies, however it dies; the
// file's content (our pid) is only there to name the holder in the refusal.
func takeLock(path string) (*flock.Flock, error) {
	lock := flock.New(path, flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if !ok {
		holder := "unknown pid"
		if b, err := os.ReadFile(path); err == nil && len(b) > 0 {
			holder = "pid " + strings.TrimSpace(string(b))
		}
		return nil, fmt.Errorf("%w (%s holds %s)", ErrInUse, holder, path)
	}
	if err := os.WriteFile(path, fmt.Appendf(nil, "%d\n", os.Getpid()), 0o600); err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return lock, nil
}
