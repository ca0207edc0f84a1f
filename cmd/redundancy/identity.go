package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/go-github/v62/github"
	"github.com/jonboulle/clockwork"
	"github.com/rs/zerolog"
)

// identity is who we are at GitHub. The App's slug gives the login under which
// it comments and starts runs. It is asked for at start and again every hour,
// since an owner can rename the App; the answer also tells whether GitHub can
// be reached and whether the key is right.
type identity struct {
	client *github.Client
	clock  clockwork.Clock

	mu   sync.Mutex
	slug string
	err  error // of the last attempt; errUnasked before the first
}

var errUnasked = errors.New("not asked yet")

const (
	identityInterval = time.Hour
	identityRetry    = 15 * time.Second
)

func newIdentity(client *github.Client, clock clockwork.Clock) *identity {
	return &identity{client: client, clock: clock, err: errUnasked}
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
	i.mu.Lock()
	defer i.mu.Unlock()
	i.err = err
	if err == nil && i.slug != app.GetSlug() {
		i.slug = app.GetSlug()
		zerolog.Ctx(ctx).Info().Str("slug", i.slug).Msg("GitHub knows the App")
	}
	return err
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
