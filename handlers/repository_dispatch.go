package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/queue"
)

// Types of repository_dispatch that the App takes.
const (
	dispatchRecover  = "redundancy-recover"
	dispatchValidate = "redundancy-validate"
)

// Bounds of what a client_payload may carry, in bytes, and of depth.
const (
	maxTarget = 255
	maxRef    = 255
	maxReason = 1000
	maxActor  = 100
	// maxDepth only keeps the number sane; the engine's loop guard cuts in far
	// below it.
	maxDepth = 100
)

// RepositoryDispatch takes the wishes of other systems. Sending one needs
// write access to the repository's contents, which GitHub has checked.
type RepositoryDispatch struct{ *base }

// Handles implements githubapp.EventHandler.
func (*RepositoryDispatch) Handles() []string { return []string{"repository_dispatch"} }

// Handle implements githubapp.EventHandler.
func (h *RepositoryDispatch) Handle(ctx context.Context, event, deliveryID string, body []byte) error {
	return handle(ctx, h.base, event, deliveryID, body, func(ctx context.Context, e *repositoryDispatchEvent) (intent, error) {
		return h.decide(ctx, e, deliveryID), nil
	})
}

type repositoryDispatchEvent struct {
	envelope                 // action is the event_type of the sender
	Payload  json.RawMessage `json:"client_payload"`
}

func (h *RepositoryDispatch) decide(ctx context.Context, e *repositoryDispatchEvent, deliveryID string) intent {
	if e.Action != dispatchRecover && e.Action != dispatchValidate {
		return ignore("event type is not one of ours")
	}
	repo, ok := e.repo()
	if !ok {
		return ignore(unaddressed)
	}
	wish, err := parseWish(e.Payload)
	if err != nil {
		// The sender only gets GitHub's 204, so this line is the one place
		// where the mistake can be seen.
		zerolog.Ctx(ctx).Warn().Err(err).Str("sender", cut(e.Sender.Login, maxActor)).Msg("client_payload of a repository_dispatch ignored")
		return ignore("client_payload is not usable")
	}
	if e.Action == dispatchValidate {
		return enqueue(queue.ValidateCommit{Repo: repo, Ref: wish.Ref, DeliveryID: deliveryID, Again: true}.Item())
	}
	return enqueue(queue.Recover{
		Repo: repo, Target: wish.Target, Reason: cut(wish.Reason, maxReason), Actor: e.Sender.Login,
		Depth: min(wish.Depth, maxDepth), Automated: true, DeliveryID: deliveryID,
	}.Item())
}

// wish is the client_payload of both types. Other keys are the sender's own
// business. A wrong type is refused and not read as absent: a recovery of "no
// target" is a different wish, and a depth that is lost lets a loop run on.
type wish struct {
	Target string `json:"target"`
	Reason string `json:"reason"`
	Ref    string `json:"ref"`
	Depth  int    `json:"depth"`
}

func parseWish(data json.RawMessage) (wish, error) {
	var w wish
	if len(data) > 0 {
		if err := json.Unmarshal(data, &w); err != nil {
			return wish{}, fmt.Errorf("parse client_payload: %w", err)
		}
	}
	switch {
	case !isName(w.Target, maxTarget):
		return wish{}, fmt.Errorf("target is longer than %d bytes or has control characters", maxTarget)
	case !isName(w.Ref, maxRef) || strings.Contains(w.Ref, "..") || strings.ContainsFunc(w.Ref, unicode.IsSpace):
		return wish{}, errors.New("ref is not the name of a branch, tag or commit")
	case w.Depth < 0:
		return wish{}, errors.New("depth is negative")
	}
	return w, nil
}

func isName(s string, limit int) bool {
	return len(s) <= limit && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// cut shortens s to at most limit bytes without splitting a character.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
