package fallback

import (
	"context"
	"crypto/rand"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/redundancy-app/redundancy/store"
)

// Leases of claims that somebody else than the engine holds.
const (
	DefaultLease = 6 * time.Hour // GitHub's own limit for a job
	MaxLease     = 7 * 24 * time.Hour
)

// ClaimRequest is what somebody asks about a claim. Without Epoch it asks for
// the claim; with Epoch alone it presents it, as a fallback does before it
// acts; with Epoch and State it says what became of the work.
type ClaimRequest struct {
	// Key is a run's ("run-<repository id>-<run id>"), an occurrence key, or one
	// of the caller's own, 1 to 200 characters of [A-Za-z0-9._:-].
	Key string
	// Owner says who asks; the same owner gets the same grant again. "" means
	// the run for a run's key, and somebody that nobody else is otherwise.
	Owner string
	Lease time.Duration    // 0 means DefaultLease; at most MaxLease
	Epoch int64            // 0: none
	State store.ClaimState // "", done or free
	// RepoID limits the request to the claims of a repository; 0: any.
	RepoID int64
}

// Claim is the right to do one piece of work, as shown.
type Claim struct {
	Key        string           `json:"key"`
	State      store.ClaimState `json:"state"`
	Owner      string           `json:"owner,omitempty"`
	Epoch      int64            `json:"epoch"` // grows by every grant; 0 when there was none
	LeaseUntil *time.Time       `json:"lease_until,omitempty"`
}

// ClaimAnswer says whether a request was granted, and how the claim stands now.
type ClaimAnswer struct {
	Claim
	Granted bool   `json:"-"`
	Why     string `json:"error,omitempty"` // it was not granted
}

var claimOwnerForm = regexp.MustCompile(`^[A-Za-z0-9._:@/-]{1,200}$`)

// claimError is a request that makes no sense.
type claimError struct{ what string }

func (e *claimError) Error() string { return e.what }

// IsClaimMistake is true of errors that are the caller's mistake.
func IsClaimMistake(err error) bool {
	_, ok := err.(*claimError) //nolint:errorlint // never wrapped
	return ok
}

func (r *ClaimRequest) check() error {
	reserved := isIncident(r.Owner) || strings.HasPrefix(r.Owner, "run:") && !claimRunForm.MatchString(r.Key)
	switch {
	case r.Owner != "" && !claimOwnerForm.MatchString(r.Owner):
		return &claimError{"owner: want 1 to 200 characters of A-Z a-z 0-9 . _ : @ / -"}
	case reserved:
		return &claimError{"owner: names that begin with incident: or run: are not free to choose"}
	case r.Lease < 0 || r.Lease > MaxLease:
		return &claimError{"lease: at most 7d"}
	case r.Epoch < 0:
		return &claimError{"epoch: want a positive number"}
	case r.State != "" && r.State != store.ClaimDone && r.State != store.ClaimFree:
		return &claimError{"state: want done or free"}
	case r.State != "" && (r.Epoch == 0 || r.Owner == ""):
		return &claimError{"state: owner and epoch of the grant are needed with it"}
	}
	return nil
}

// fits keeps the work of runs from those who hold a token for a repository and
// are none of its runs: they could hold it for days.
func (r *ClaimRequest) fits(byRun bool) error {
	switch {
	case r.RepoID == 0:
	case claimRunForm.MatchString(r.Key) && r.Owner != "" && !byRun:
		return &claimError{"owner: with a guard token, only the run itself can ask for its claim"}
	case occurrenceKeyForm.MatchString(r.Key) && (r.Epoch == 0 || r.State != ""):
		return &claimError{"epoch: with a guard token, this claim can only be presented"}
	}
	return nil
}

// Claim grants a claim, or says who has it. Errors are [ErrClaimKey],
// [ErrClaimRun], [ErrClaimForeign], [ErrClaimBusy], [ErrClaimLimit], [ErrClaimTooMany], mistakes of the caller's
// (see [IsClaimMistake]), and those of GitHub and of the store.
func (e *Engine) Claim(ctx context.Context, r ClaimRequest) (ClaimAnswer, error) {
	if err := r.check(); err != nil {
		return ClaimAnswer{}, err
	}
	ownRun, attempt, byRun := ownerRun(r.Owner)
	if byRun && !strings.HasSuffix(r.Key, fmt.Sprintf("-%d", ownRun)) {
		return ClaimAnswer{}, &claimError{"owner: a run can only ask for itself"}
	}
	s, err := e.claimOf(ctx, r.Key, r.RepoID, attempt)
	if err != nil {
		return ClaimAnswer{}, err
	}
	if err := r.fits(byRun); err != nil {
		return ClaimAnswer{}, err
	}
	if r.Owner == "" {
		r.Owner = "somebody:" + rand.Text()
		if s.run != nil {
			attempt, byRun = s.run.Attempt, true
			r.Owner = runOwner(s.run.RunID, attempt)
		}
	}
	if r.Lease == 0 {
		r.Lease = DefaultLease
	}
	var got ClaimAnswer
	err = e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		var c store.Claim
		var err error
		switch {
		case r.State != "":
			c, got.Why, err = e.reportClaim(ctx, tx, s.key, r)
		case r.Epoch != 0:
			c, got.Why, err = e.presentClaim(ctx, tx, s.key, r.Epoch)
		case byRun:
			c, got.Why, err = e.grantRun(ctx, tx, s, r, attempt)
		default:
			c, got.Why, err = e.grant(ctx, tx, s.key, r)
		}
		got.Claim, got.Granted = e.viewClaim(s.key, c), err == nil && got.Why == ""
		return err
	})
	return got, err
}

// ReadClaim tells how a claim stands; one that nobody ever asked for is free.
// Errors are those of [Engine.Claim].
func (e *Engine) ReadClaim(ctx context.Context, key string, repoID int64) (Claim, error) {
	s, err := e.claimOf(ctx, key, repoID, 0)
	if err != nil {
		return Claim{}, err
	}
	c, _, err := e.Store.Claim(ctx, s.key)
	return e.viewClaim(s.key, c), err
}

func (e *Engine) viewClaim(key string, c store.Claim) Claim {
	v := Claim{Key: key, State: c.State, Owner: c.Owner, Epoch: c.Epoch}
	switch {
	case c.State == "":
		v.State = store.ClaimFree
	case c.State == store.ClaimHeld && c.LeaseUntil < e.now():
		v.State = store.ClaimInDoubt // written down when the next one asks
	case c.State == store.ClaimHeld:
		v.LeaseUntil = moment(c.LeaseUntil)
	}
	return v
}

// grant gives the claim to whoever asks first.
func (e *Engine) grant(ctx context.Context, tx *store.Tx, key string, r ClaimRequest) (store.Claim, string, error) {
	now, lease := e.now(), store.MillisOf(e.Clock.Now().Add(r.Lease))
	c, known, err := store.ReadClaim(ctx, tx, key)
	if err != nil {
		return c, "", err
	}
	if known && c.State == store.ClaimHeld && c.Owner == r.Owner && c.LeaseUntil >= now {
		// The answer to the first request was lost.
		c.LeaseUntil, c.UpdatedAt = max(c.LeaseUntil, lease), now
		return c, "", tx.Renew(ctx, c)
	}
	if !known {
		if err := roomFor(ctx, tx, key); err != nil {
			return c, "", err
		}
	}
	c, ok, err := tx.Acquire(ctx, key, r.Owner, now, lease)
	if err != nil || ok {
		return c, "", err
	}
	return c, refusalOf(c), nil
}

// refusalOf says why a claim is not to be had.
func refusalOf(c store.Claim) string {
	switch c.State {
	case store.ClaimDone:
		return "the work is already done by " + c.Owner
	case store.ClaimInDoubt:
		return c.Owner + " held the claim and never said what it did; a person decides"
	default:
		return fmt.Sprintf("%s is doing the work, with epoch %d, until %s", c.Owner, c.Epoch, c.LeaseUntil.Time().Format(timeFormat))
	}
}

// presentClaim answers a fallback that shows the epoch it was given: only the
// holder of the newest one may act.
func (e *Engine) presentClaim(ctx context.Context, tx *store.Tx, key string, epoch int64) (store.Claim, string, error) {
	c, known, err := store.ReadClaim(ctx, tx, key)
	switch {
	case err != nil:
		return c, "", err
	case !known:
		return c, "nobody was granted this claim", nil
	case c.State == store.ClaimHeld && c.LeaseUntil < e.now():
		return c, "the lease has run out", nil
	case c.State != store.ClaimHeld:
		return c, fmt.Sprintf("the claim is %s, with epoch %d", c.State, c.Epoch), nil
	case c.Epoch != epoch:
		return c, fmt.Sprintf("epoch %d was replaced by epoch %d", epoch, c.Epoch), nil
	}
	return c, "", nil
}

// reportClaim takes down what a holder says of its work. What a step of ours
// does is proven by evidence, not by word; and what is done stays done.
func (e *Engine) reportClaim(ctx context.Context, tx *store.Tx, key string, r ClaimRequest) (store.Claim, string, error) {
	c, known, err := store.ReadClaim(ctx, tx, key)
	switch {
	case err != nil:
		return c, "", err
	case !known:
		return c, "nobody was granted this claim", nil
	case c.Owner != r.Owner || c.Epoch != r.Epoch:
		return c, fmt.Sprintf("the newest grant is that of %s, with epoch %d", c.Owner, c.Epoch), nil
	case c.State == r.State:
		return c, "", nil
	case c.State == store.ClaimDone:
		return c, "the work is done, which cannot be taken back", nil
	}
	c.State = r.State
	if err := tx.SetClaim(ctx, key, r.Epoch, r.State, e.now()); err != nil {
		return c, "", err
	}
	return c, "", e.wakeClaimant(ctx, tx, key)
}
