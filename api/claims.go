package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/store"
)

// Claims is who may do a piece of work.
type Claims interface {
	Claim(ctx context.Context, r fallback.ClaimRequest) (fallback.ClaimAnswer, error)
	ReadClaim(ctx context.Context, key string, repoID int64) (fallback.Claim, error)
}

// ClaimRequest is the body of POST /api/v1/claims/{key}. All of it, and the
// body itself, may be left out.
type ClaimRequest struct {
	Owner string          `json:"owner,omitempty"` // who asks; the same one gets the same grant again
	Lease config.Duration `json:"lease,omitzero"`  // "90s", "6h", "7d"; default 6h, at most 7d
	// Epoch is that of a grant: alone it is presented, and the answer is 200
	// only while it is the newest one.
	Epoch int64            `json:"epoch,omitempty"`
	State store.ClaimState `json:"state,omitempty"` // done or free: what became of the work; with owner and epoch
}

// claim grants a claim: 200 granted, 409 done, held by somebody else or in
// doubt, both with the claim as it stands.
func (s *server) claim(w http.ResponseWriter, r *http.Request, repoID int64) {
	var in ClaimRequest
	if r.ContentLength != 0 && !decode(w, r, &in) {
		return
	}
	got, err := s.cfg.Claims.Claim(r.Context(), fallback.ClaimRequest{
		Key: r.PathValue("key"), Owner: in.Owner, Lease: in.Lease.Std(), Epoch: in.Epoch, State: in.State, RepoID: repoID,
	})
	switch {
	case err != nil:
		s.failClaim(w, r, err)
	case got.Granted:
		answer(w, http.StatusOK, got)
	default:
		answer(w, http.StatusConflict, got)
	}
}

// readClaim tells how a claim stands. One that nobody ever asked for is free.
func (s *server) readClaim(w http.ResponseWriter, r *http.Request, repoID int64) {
	c, err := s.cfg.Claims.ReadClaim(r.Context(), r.PathValue("key"), repoID)
	if err != nil {
		s.failClaim(w, r, err)
		return
	}
	answer(w, http.StatusOK, c)
}

// failClaim tells mistakes of the caller's from what only the log is told. That
// GitHub could not be asked is no refusal: a guard goes on then.
func (s *server) failClaim(w http.ResponseWriter, r *http.Request, err error) {
	_, limited := githubapi.LimitedUntil(err)
	switch {
	case fallback.IsClaimMistake(err), errors.Is(err, fallback.ErrClaimKey):
		refuse(w, http.StatusBadRequest, err.Error())
	case errors.Is(err, fallback.ErrClaimForeign):
		refuse(w, http.StatusForbidden, err.Error())
	case errors.Is(err, fallback.ErrClaimRun):
		refuse(w, http.StatusNotFound, err.Error())
	case errors.Is(err, fallback.ErrClaimTooMany):
		refuse(w, http.StatusTooManyRequests, err.Error())
	case limited:
		w.Header().Set("Retry-After", "60")
		refuse(w, http.StatusServiceUnavailable, "GitHub is not asked about more runs of this repository at the moment")
	case errors.Is(err, fallback.ErrClaimLimit): // its webhook may come in a moment
		w.Header().Set("Retry-After", "2")
		refuse(w, http.StatusServiceUnavailable, "GitHub is not asked about more runs of this repository at the moment")
	case errors.Is(err, fallback.ErrClaimBusy), errors.Is(err, context.DeadlineExceeded):
		w.Header().Set("Retry-After", "2")
		refuse(w, http.StatusServiceUnavailable, "GitHub cannot be asked about the run at the moment")
	default:
		s.fail(w, r, err)
	}
}

// claimTimeout bounds a request for a claim, so that the guard of a primary
// gets an answer before it gives up.
const claimTimeout = 9 * time.Second

// claims are the routes that a guard token opens.
func (s *server) claims() http.Handler {
	mux := http.NewServeMux()
	within := func(h func(http.ResponseWriter, *http.Request, int64)) http.Handler {
		return s.claimant(func(w http.ResponseWriter, r *http.Request, repoID int64) {
			ctx, cancel := context.WithTimeout(r.Context(), claimTimeout)
			defer cancel()
			h(w, r.WithContext(ctx), repoID)
		})
	}
	mux.Handle("POST /api/v1/claims/{key}", s.counted(within(s.claim)))
	mux.Handle("GET /api/v1/claims/{key}", within(s.readClaim))
	mux.Handle("/api/v1/claims/", bearer(s.cfg.Token, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "no such path: "+r.URL.Path)
	})))
	return http.MaxBytesHandler(mux, maxRequest)
}
