package fallback

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/redundancy-app/redundancy/fallback/upstream"
	"github.com/redundancy-app/redundancy/githubapi/statuspage"
	"github.com/redundancy-app/redundancy/store"
)

// StatusPage tells what GitHub itself says of its health.
type StatusPage interface {
	Read(ctx context.Context) (statuspage.Summary, error)
}

// pageEvery is how often the status page is asked while something is wrong.
const pageEvery = 5 * time.Minute

// corroborate asks the public status page, to show what it says beside our own
// observations, and gives the moment of the next time; zero for never. It is
// called once those have opened an upstream incident, and changes nothing else.
func (e *Engine) corroborate(ctx context.Context, sc *scope, d upstream.Dependency) (time.Time, error) {
	if e.StatusPage == nil {
		return time.Time{}, nil
	}
	now := e.Clock.Now()
	every := e.scaled(pageEvery)
	if again := d.PageAt.Time().Add(every); d.PageAt != 0 && again.After(now) {
		return again, nil
	}
	var shown string
	said, err := e.StatusPage.Read(ctx)
	switch {
	case err == nil:
		shown = fmt.Sprintf("GitHub's status page says: %s", said)
	case ctx.Err() != nil:
		return time.Time{}, ctx.Err()
	default:
		shown = "GitHub's status page gives no answer: " + clip(err.Error(), maxName)
	}
	page, err := json.Marshal(said)
	if err != nil {
		return time.Time{}, fmt.Errorf("write status page: %w", err)
	}
	return now.Add(every), e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		is, err := upstream.Read(ctx, tx, d.Name)
		if err != nil {
			return err
		}
		news := is.PageAt < sc.inc.OpenedAt || is.Page != string(page)
		is.Page, is.PageAt, is.UpdatedAt = string(page), store.MillisOf(now), e.now()
		if err := tx.SaveDependency(ctx, is.Dependency); err != nil || !news {
			return err
		}
		return e.note(ctx, tx, sc.inc, shown, map[string]any{"indicator": said.Indicator, "degraded": said.Degraded, "incidents": said.Incidents})
	})
}
