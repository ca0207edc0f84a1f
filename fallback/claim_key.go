package fallback

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// Why a claim cannot be asked for.
var (
	ErrClaimKey     = errors.New("a key is run-<repository id>-<run id>, or 1 to 200 characters of A-Z a-z 0-9 . _ : -")
	ErrClaimRun     = errors.New("there is no such run")
	ErrClaimForeign = errors.New("this token is for the claims of another repository")
	ErrClaimBusy    = errors.New("too many runs are being looked up at the moment")
	ErrClaimLimit   = errors.New("too many runs of this repository were looked up that are not under way")
)

var (
	claimKeyForm      = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,200}$`)
	claimRunForm      = regexp.MustCompile(`^run-([1-9][0-9]{0,17})-([1-9][0-9]{0,17})$`)
	occurrenceKeyForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
	runOwnerForm      = regexp.MustCompile(`^run:([1-9][0-9]{0,17}):([1-9][0-9]{0,5})$`)
)

// runOwner is the owner that an attempt of a run has as the holder of a claim.
func runOwner(runID int64, attempt int) string { return fmt.Sprintf("run:%d:%d", runID, attempt) }

// ownerRun reads it back; ok is false for other owners.
func ownerRun(owner string) (runID int64, attempt int, ok bool) {
	m := runOwnerForm.FindStringSubmatch(owner)
	if m == nil {
		return 0, 0, false
	}
	runID, err := strconv.ParseInt(m[1], 10, 64)
	if err == nil {
		attempt, err = strconv.Atoi(m[2])
	}
	return runID, attempt, err == nil
}

// incidentOwner is the owner of the claims that the engine holds.
func incidentOwner(id int64) string { return fmt.Sprintf("incident:%d", id) }

func isIncident(owner string) bool { return strings.HasPrefix(owner, "incident:") }

// claimSubject is what a key stands for.
type claimSubject struct {
	key string             // as stored
	run *store.WorkflowRun // the attempt that asks; nil for keys that name no run
}

// claimOf finds out what a key stands for. With repoID, keys that are not that
// repository's are refused with [ErrClaimForeign]; its users' own begin with
// "repo-<repository id>-". attempt is the one that asks
// for the claim of a run, 0 when none does.
func (e *Engine) claimOf(ctx context.Context, key string, repoID int64, attempt int) (claimSubject, error) {
	if !claimKeyForm.MatchString(key) {
		return claimSubject{}, ErrClaimKey
	}
	if m := claimRunForm.FindStringSubmatch(key); m != nil {
		repo, _ := strconv.ParseInt(m[1], 10, 64) // 18 digits fit
		id, _ := strconv.ParseInt(m[2], 10, 64)   // likewise
		if repoID != 0 && repo != repoID {
			return claimSubject{}, ErrClaimForeign
		}
		return e.claimOfRun(ctx, repo, id, attempt)
	}
	if repoID == 0 {
		return claimSubject{key: key}, nil
	}
	if strings.HasPrefix(key, fmt.Sprintf("repo-%d-", repoID)) {
		return claimSubject{key: key}, nil
	}
	if !occurrenceKeyForm.MatchString(key) {
		return claimSubject{}, ErrClaimForeign
	}
	inc, ok, err := store.IncidentOfKey(ctx, e.Store.Read(), key)
	if err == nil && (!ok || inc.RepoID != repoID) {
		err = ErrClaimForeign
	}
	return claimSubject{key: key}, err
}

// claimOfRun finds the occurrence that a run belongs to: that of the step which
// started it, that of the tick which it answers, or its own.
func (e *Engine) claimOfRun(ctx context.Context, repoID, runID int64, attempt int) (claimSubject, error) {
	at, known, err := e.Store.Repository(ctx, repoID)
	if err != nil {
		return claimSubject{}, err
	}
	if !known || at.Removed {
		return claimSubject{}, fmt.Errorf("%w: the App is not installed on repository %d", ErrClaimRun, repoID)
	}
	repo := queue.Repo{InstallationID: at.InstallationID, ID: at.ID, Owner: at.Owner, Name: at.Name}
	r, ok, err := store.LatestAttempt(ctx, e.Store.Read(), repoID, runID)
	if err != nil {
		return claimSubject{}, err
	}
	if !ok || behind(r, attempt) {
		if r, err = e.lookUp(ctx, repo, runID, attempt); err != nil {
			return claimSubject{}, err
		}
	}
	// Another attempt of a run that a step has started does the step's work.
	st, started, err := store.StepOfRun(ctx, e.Store.Read(), repoID, runID, r.Attempt)
	if err == nil && !started {
		st, started, err = store.StepThatStarted(ctx, e.Store.Read(), repoID, runID)
	}
	if err != nil || started {
		return claimSubject{key: st.ClaimKey, run: &r}, err
	}
	key, err := e.occurrenceOf(ctx, at, repo, r)
	return claimSubject{key: key, run: &r}, err
}

// occurrence is the key of the work that a run does.
func occurrence(repo queue.Repo, r store.WorkflowRun) string {
	if r.TickAt != 0 {
		return tickKey(repo, r.WorkflowPath, r.TickCron, r.TickAt)
	}
	return OccurrenceKey(repo.InstallationID, repo.ID, r.WorkflowPath, r.Event, r.HeadSHA, r.RunID)
}
