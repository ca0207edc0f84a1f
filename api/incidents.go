package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/queue"
)

// Incidents is the read and request side of the recovery engine.
type Incidents interface {
	Incidents(ctx context.Context, f fallback.Filter) ([]fallback.Incident, error)
	Incident(ctx context.Context, id int64) (inc fallback.Incident, ok bool, err error)
	Status(ctx context.Context, repoID int64) (fallback.RepositoryStatus, error)
	Recover(ctx context.Context, r queue.Recover) (fallback.Answer, error)
	Upstreams(ctx context.Context) ([]fallback.UpstreamStatus, error)
}

// IncidentList is the answer of GET /api/v1/incidents.
type IncidentList struct {
	Incidents []fallback.Incident `json:"incidents"`
}

// maxIncidents bounds a listing.
const maxIncidents = 1000

// incidents lists, newest first. Query: state and signal (several with commas),
// repo (owner/name), workflow (file, with or without directory and ending),
// limit (1 to 1000, default 100), before (the last id of the previous page),
// upstream (parts of that incident), all=true (parts of upstream incidents, too).
func (s *server) incidents(w http.ResponseWriter, r *http.Request) {
	f := fallback.Filter{}
	q := r.URL.Query()
	if v := q.Get("state"); v != "" {
		for name := range strings.SplitSeq(v, ",") {
			st := fallback.State(name)
			if !slices.Contains(fallback.States, st) {
				refuse(w, http.StatusBadRequest, fmt.Sprintf("state %q: want some of %v", name, fallback.States))
				return
			}
			f.States = append(f.States, st)
		}
	}
	if v := q.Get("repo"); v != "" {
		if !s.incidentsOf(w, r, v, &f) {
			return
		}
	}
	if v := q.Get("signal"); v != "" {
		for name := range strings.SplitSeq(v, ",") {
			if !slices.Contains(fallback.Signals, fallback.Signal(name)) {
				refuse(w, http.StatusBadRequest, fmt.Sprintf("signal %q: want some of %v", name, fallback.Signals))
				return
			}
			f.Signals = append(f.Signals, fallback.Signal(name))
		}
	}
	f.WorkflowName, f.All = q.Get("workflow"), q.Get("all") == "true"
	var ok bool
	if f.Before, ok = number(w, "before", q.Get("before")); !ok {
		return
	}
	if f.Upstream, ok = number(w, "upstream", q.Get("upstream")); !ok {
		return
	}
	if f.Limit, ok = limit(w, q.Get("limit"), 100, maxIncidents); !ok {
		return
	}
	list, err := s.cfg.Incidents.Incidents(r.Context(), f)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if list == nil {
		list = []fallback.Incident{}
	}
	answer(w, http.StatusOK, IncidentList{Incidents: list})
}

func (s *server) incident(w http.ResponseWriter, r *http.Request) {
	id, ok := pathID(w, r)
	if !ok {
		return
	}
	inc, ok, err := s.cfg.Incidents.Incident(r.Context(), id)
	switch {
	case err != nil:
		s.fail(w, r, err)
	case !ok:
		refuse(w, http.StatusNotFound, fmt.Sprintf("no incident %d", id))
	default:
		answer(w, http.StatusOK, inc)
	}
}

// RecoverRequest is the body of POST /api/v1/recover.
type RecoverRequest struct {
	Repo   string `json:"repo,omitempty"`   // owner/name; not needed with incident
	Target string `json:"target,omitempty"` // workflow; may be left out when only one can be meant
	Reason string `json:"reason,omitempty"`
	// Incident is this one, instead of what has trouble with the target. With
	// Done its work was done and it is to end; it has to be in doubt.
	Incident int64 `json:"incident,omitempty"`
	Done     bool  `json:"done,omitempty"`
	// Actor is who it is, for the record; default "api".
	Actor string `json:"actor,omitempty"`
	// Key makes a repeated request harmless: the same key gets the same answer
	// and acts once. At most 100 characters.
	Key string `json:"key,omitempty"`
}

// recover asks the engine. 200 accepted, 409 refused; both with the engine's
// sentence.
func (s *server) recover(w http.ResponseWriter, r *http.Request) {
	var in RecoverRequest
	if !decode(w, r, &in) {
		return
	}
	if len(in.Target) > 255 || len(in.Reason) > 1000 || len(in.Key) > 100 || len(in.Actor) > maxActor {
		refuse(w, http.StatusBadRequest, "target, reason, key or actor is too long: at most 255, 1000, 100 and 100 characters")
		return
	}
	if in.Incident < 0 || in.Done && in.Incident == 0 || in.Incident != 0 && in.Target != "" {
		refuse(w, http.StatusBadRequest, "incident: want the id of an incident, which done needs, and no target with it")
		return
	}
	if !s.ofIncident(w, r, &in) {
		return
	}
	repo, ok := s.covered(w, r, in.Repo)
	if !ok {
		return
	}
	req := queue.Recover{
		Repo:   queue.Repo{InstallationID: repo.InstallationID, ID: repo.ID, Owner: repo.Owner, Name: repo.Name},
		Target: in.Target, Reason: in.Reason, Actor: cmp.Or(in.Actor, "api"), IncidentID: in.Incident, Done: in.Done,
	}
	if in.Key != "" {
		req.DeliveryID = "api:" + in.Key
	}
	got, err := s.cfg.Incidents.Recover(r.Context(), req)
	switch {
	case err != nil:
		s.fail(w, r, err)
	case got.Accepted:
		answer(w, http.StatusOK, got)
	default:
		answer(w, http.StatusConflict, got)
	}
}

// ofIncident fills in whose incident is meant. ok is false when the request has
// been refused.
func (s *server) ofIncident(w http.ResponseWriter, r *http.Request, in *RecoverRequest) (ok bool) {
	if in.Incident == 0 || in.Repo != "" {
		return true
	}
	inc, known, err := s.cfg.Incidents.Incident(r.Context(), in.Incident)
	switch {
	case err != nil:
		s.fail(w, r, err)
	case !known:
		refuse(w, http.StatusNotFound, fmt.Sprintf("no incident %d", in.Incident))
	default:
		in.Repo = inc.Repo.FullName()
	}
	return err == nil && known
}

// number reads the id of an incident; empty means 0, none.
func number(w http.ResponseWriter, name, v string) (int64, bool) {
	if v == "" {
		return 0, true
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 1 {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("%s %q: want the id of an incident", name, v))
		return 0, false
	}
	return n, true
}

// limit reads a count from 1 to most; empty means def.
func limit(w http.ResponseWriter, v string, def, most int) (int, bool) {
	if v == "" {
		return def, true
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > most {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("limit %q: want a number from 1 to %d", v, most))
		return 0, false
	}
	return n, true
}

func pathID(w http.ResponseWriter, r *http.Request) (int64, bool) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id <= 0 {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("id %q: want a positive number", r.PathValue("id")))
		return 0, false
	}
	return id, true
}
