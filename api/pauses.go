package api

import (
	"context"
	"net/http"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/queue"
)

// Pauses is what people have paused.
type Pauses interface {
	Pause(ctx context.Context, r fallback.PauseRequest) (fallback.Answer, error)
	Unpause(ctx context.Context, r fallback.ResumeRequest) (fallback.Answer, error)
	Pauses(ctx context.Context, past bool) ([]fallback.Pause, error)
}

// PauseList is the answer of GET /api/v1/pauses.
type PauseList struct {
	Pauses []fallback.Pause `json:"pauses"`
}

// PauseRequest is the body of POST /api/v1/pause.
type PauseRequest struct {
	Repo     string          `json:"repo,omitempty"`    // owner/name; "": everything, everywhere
	Target   string          `json:"target,omitempty"`  // workflow; "": the whole repository
	From     time.Time       `json:"from,omitzero"`     // later than now: a maintenance window
	Until    time.Time       `json:"until,omitzero"`    // without until and duration: until somebody resumes
	Duration config.Duration `json:"duration,omitzero"` // instead of until, counted from from
	Reason   string          `json:"reason,omitempty"`
	Actor    string          `json:"actor,omitempty"` // who it is, for the record; default "api"
	// Key makes a repeated request harmless: the same key gets the same answer
	// and acts once. At most 100 characters.
	Key string `json:"key,omitempty"`
}

// ResumeRequest is the body of POST /api/v1/resume.
type ResumeRequest struct {
	Repo   string `json:"repo,omitempty"`
	Target string `json:"target,omitempty"`
	ID     int64  `json:"id,omitempty"` // instead: this pause, be it in force or to come
	Actor  string `json:"actor,omitempty"`
	Key    string `json:"key,omitempty"`
}

const maxActor = 100

// pauses lists those in force and to come; ?all=true those that are over, too.
func (s *server) pauses(w http.ResponseWriter, r *http.Request) {
	list, err := s.cfg.Pauses.Pauses(r.Context(), r.URL.Query().Get("all") == "true")
	if err != nil {
		s.fail(w, r, err)
		return
	}
	answer(w, http.StatusOK, PauseList{Pauses: list})
}

// pause answers 200 paused, 409 refused; both with a sentence.
func (s *server) pause(w http.ResponseWriter, r *http.Request) {
	var in PauseRequest
	if !decode(w, r, &in) {
		return
	}
	if len(in.Reason) > 1000 || !in.Until.IsZero() && in.Duration != 0 {
		refuse(w, http.StatusBadRequest, "reason at most 1000 characters; until or duration, not both")
		return
	}
	repo, ok := s.scope(w, r, in.Repo, in.Target, in.Key, in.Actor)
	if !ok {
		return
	}
	got, err := s.cfg.Pauses.Pause(r.Context(), fallback.PauseRequest{
		Repo: repo, Target: in.Target, From: in.From, Until: in.Until, For: in.Duration.Std(), Actor: actor(in.Actor), Reason: in.Reason, Key: apiKey(in.Key),
	})
	s.decided(w, r, got, err)
}

// resume answers 200 resumed, 409 when nothing was paused.
func (s *server) resume(w http.ResponseWriter, r *http.Request) {
	var in ResumeRequest
	if !decode(w, r, &in) {
		return
	}
	if in.ID < 0 || in.ID != 0 && in.Repo+in.Target != "" {
		refuse(w, http.StatusBadRequest, "id, or repo and target; not both")
		return
	}
	repo, ok := s.scope(w, r, in.Repo, in.Target, in.Key, in.Actor)
	if !ok {
		return
	}
	got, err := s.cfg.Pauses.Unpause(r.Context(), fallback.ResumeRequest{Repo: repo, Target: in.Target, ID: in.ID, Actor: actor(in.Actor), Key: apiKey(in.Key)})
	s.decided(w, r, got, err)
}

// scope finds the repository that a request names, the zero one for none.
func (s *server) scope(w http.ResponseWriter, r *http.Request, name, target, key, actor string) (queue.Repo, bool) {
	switch {
	case len(target) > 255 || len(key) > 100 || len(actor) > maxActor:
		refuse(w, http.StatusBadRequest, "target, key and actor at most 255, 100 and 100 characters")
		return queue.Repo{}, false
	case name == "" && target != "":
		refuse(w, http.StatusBadRequest, "a target needs its repo, as owner/name")
		return queue.Repo{}, false
	case name == "":
		return queue.Repo{}, true
	}
	repo, ok := s.covered(w, r, name)
	if !ok {
		return queue.Repo{}, false
	}
	return queue.Repo{InstallationID: repo.InstallationID, ID: repo.ID, Owner: repo.Owner, Name: repo.Name}, true
}

// decided shows the engine's answer to a wish.
func (s *server) decided(w http.ResponseWriter, r *http.Request, got fallback.Answer, err error) {
	switch {
	case err != nil:
		s.fail(w, r, err)
	case got.Accepted:
		answer(w, http.StatusOK, got)
	default:
		answer(w, http.StatusConflict, got)
	}
}

func actor(name string) string {
	if name == "" {
		return "api"
	}
	return name
}

func apiKey(key string) string {
	if key == "" {
		return ""
	}
	return "api:" + key
}
