package fallback

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/redundancy-app/redundancy/store"
)

// Whoever holds a guard token chooses the keys of its repository's own claims,
// and could fill the disk with them.
const (
	// maxOpenClaims is how many of them may be other than done.
	maxOpenClaims = 1000
	// maxOwnClaims is how many there may be with those that are done, which are
	// kept for a month.
	maxOwnClaims = 50_000
)

// ErrClaimTooMany says that no further claim of a repository's own is opened.
// Those that are there are answered for as before.
var ErrClaimTooMany = errors.New("too many claims of the repository's own")

var ownKeyForm = regexp.MustCompile(`^repo-([1-9][0-9]{0,17})-`)

// roomFor refuses a key of a repository's own that would be one too many.
func roomFor(ctx context.Context, tx *store.Tx, key string) error {
	m := ownKeyForm.FindStringSubmatch(key)
	if m == nil {
		return nil
	}
	open, all, err := store.CountClaims(ctx, tx, m[0])
	switch {
	case err != nil:
		return err
	case open >= maxOpenClaims:
		return fmt.Errorf("%w: %d are not done; say what became of them (done or free), or wait until they are forgotten", ErrClaimTooMany, open)
	case all >= maxOwnClaims:
		return fmt.Errorf("%w: %d, with those that were done in the last month", ErrClaimTooMany, all)
	}
	return nil
}
