package handlers

import (
	"context"
	"encoding/json"
	"time"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// Every event names its repository as it is now: under which name, with which
// default branch. The App hears of a rename in no other way before its next
// look at the installation, and a name that is free again can be another
// repository's.

// facts is what an event says of its repository. ok is false when it does not
// say enough.
func (e *envelope) facts(now store.Millis) (r store.Repository, ok bool) {
	repo, ok := e.repo()
	return store.Repository{
		ID: repo.ID, InstallationID: repo.InstallationID, Owner: repo.Owner, Name: repo.Name,
		DefaultBranch: e.Repository.DefaultBranch, ChangedAt: moment(e.Repository.UpdatedAt), SeenAt: now,
	}, ok
}

// moment reads a moment of a webhook, which is text or, in some events, Unix
// seconds. Anything else is 0.
func moment(raw json.RawMessage) store.Millis {
	var text time.Time
	var seconds int64
	switch {
	case len(raw) == 0:
		return 0
	case json.Unmarshal(raw, &text) == nil:
		return store.MillisOf(text)
	case json.Unmarshal(raw, &seconds) == nil && seconds > 0 && seconds < 1<<33:
		return store.Millis(seconds * 1000)
	}
	return 0
}

// news says whether the event's facts differ from the record. Most events
// repeat what the one before said, which costs a look into a map.
func (b *base) news(ctx context.Context, now store.Repository) (bool, error) {
	seen := now
	seen.SeenAt = 0
	if last, ok := b.told.Load(now.ID); ok && last == seen {
		return false, nil
	}
	known, ok, err := b.Store.Repository(ctx, now.ID)
	if err != nil || !ok {
		return false, err // the list that will bring it has these facts, too
	}
	if !known.Removed && now.News(known) {
		b.told.Delete(now.ID)
		return true, nil
	}
	b.told.Store(now.ID, seen)
	return false, nil
}

// learn writes the facts down and has the configuration read from where it is
// now.
func (b *base) learn(ctx context.Context, tx *store.Tx, now store.Repository, deliveryID string) error {
	changed, err := store.SaveRepositoryFacts(ctx, tx, now)
	if err != nil || !changed {
		return err
	}
	zerolog.Ctx(ctx).Info().Str("default_branch", now.DefaultBranch).Msg("repository has another name, owner or default branch")
	repo := queue.Repo{InstallationID: now.InstallationID, ID: now.ID, Owner: now.Owner, Name: now.Name}
	return b.Queue.Enqueue(ctx, tx, queue.LoadConfig{Repo: repo, DeliveryID: deliveryID}.Item())
}
