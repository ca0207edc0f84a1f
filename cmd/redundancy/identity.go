package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/go-github/v62/github"
	"github.com/jonboulle/clockwork"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/store"
)

// identity is who we are at GitHub. The App's slug gives the login under which
// it comments and starts runs. It is asked for at start and every five minutes,
// since an owner can rename the App; the answer also tells whether GitHub can
// be reached and whether the key is right.
//
// It is remembered in the database, so that a server that starts again while
// GitHub does not answer knows its own runs and comments.
type identity struct {
	client *github.Client
	store  *store.Store
	appID  int64
	clock  clockwork.Clock

	mu   sync.Mutex
	slug string
	err  error // of the last attempt; errUnasked before the first
}

var errUnasked = errors.New("not asked yet")

const (
	identityInterval = 5 * time.Minute
	identityRetry    = 15 * time.Second
)

// newIdentity recalls what GitHub last said. It sends nothing.
func newIdentity(ctx context.Context, client *github.Client, db *store.Store, appID int64, clock clockwork.Clock) (*identity, error) {
	slug, err := db.AppSlug(ctx, appID)
	return &identity{client: client, store: db, appID: appID, clock: clock, slug: slug, err: errUnasked}, err
}

// Slug is "" while it is unknown.
func (i *identity) Slug() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.slug
}

// BotLogin is "slug[bot]", "" while it is unknown.
func (i *identity) BotLogin() string {
	if slug := i.Slug(); slug != "" {
		return slug + "[bot]"
	}
	return ""
}

// Err is nil when the last attempt reached GitHub and was accepted there.
func (i *identity) Err() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.err
}

// ask asks once.
func (i *identity) ask(ctx context.Context) error {
	app, _, err := i.client.Apps.Get(ctx, "")
	slug := app.GetSlug()
	i.mu.Lock()
	before, renamed := i.err, err == nil && slug != "" && i.slug != slug
	i.err = err
	if renamed {
		i.slug = slug
	}
	i.mu.Unlock()
	if err == nil && (before != nil || renamed) {
		zerolog.Ctx(ctx).Info().Str("slug", slug).Msg("GitHub knows the App")
	}
	if !renamed {
		return err
	}
	err = i.store.Update(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.SaveAppSlug(ctx, i.appID, slug) })
	if err != nil && ctx.Err() == nil { // it is asked for again at the next start
		zerolog.Ctx(ctx).Error().Err(err).Msg("the App's name could not be remembered")
	}
	return nil
}

// run asks until ctx ends.
func (i *identity) run(ctx context.Context) {
	for {
		pause := identityInterval
		if err := i.ask(ctx); err != nil {
			if ctx.Err() != nil {
				return
			}
			zerolog.Ctx(ctx).Warn().Err(err).Msg("GitHub does not answer for the App")
			pause = identityRetry
		}
		select {
		case <-ctx.Done():
			return
		case <-i.clock.After(pause):
		}
	}
}
