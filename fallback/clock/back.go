package clock

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/store"
)

// ahead is how far in the future a moment that is past by its nature may stand
// in a watch; clocks are set by less all the time.
const ahead = store.Millis(time.Minute / time.Millisecond)

// setBack draws the moments of watches back to now that a clock which ran ahead
// has written, at the start and when the clock was set back: the schedules would
// be settled until then, and nobody would look after them. Ticks that were
// written off meanwhile are judged anew.
func (c *Clock) setBack(ctx context.Context) error {
	now := c.now()
	if was := store.Millis(c.latest.Swap(int64(now))); was != 0 && now >= was-ahead {
		return nil
	}
	err := c.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		list, err := store.WatchesAhead(ctx, tx, now+ahead)
		if err != nil || len(list) == 0 {
			return err
		}
		zerolog.Ctx(ctx).Warn().Int("watches", len(list)).Msg("the clock ran ahead; schedules are looked after from now on again")
		for i := range list {
			if err := c.drawBack(ctx, tx, &list[i], now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		c.latest.Store(0) // the next look tries again
	}
	return err
}

func (c *Clock) drawBack(ctx context.Context, tx *store.Tx, w *store.Watch, now store.Millis) error {
	first, err := tx.ForgetTicksAhead(ctx, w.RepoID, w.WorkflowPath, now+ahead)
	if err != nil {
		return err
	}
	w.SettledThrough, w.DueAt = min(w.SettledThrough, now), now
	if first != 0 {
		w.SettledThrough = min(w.SettledThrough, first-1)
	}
	w.LearnedAt, w.StateAt, w.WatchedSince = min(w.LearnedAt, now), min(w.StateAt, now), min(w.WatchedSince, now)
	young, err := readCrons(w)
	if err != nil {
		return tx.SetWatchBack(ctx, w) // its look says what is wrong with it
	}
	if len(young) > 0 {
		for cron, since := range young {
			young[cron] = min(since, now)
		}
		doc, err := json.Marshal(young)
		if err != nil {
			return fmt.Errorf("write crons of watch of %s: %w", w.WorkflowPath, err)
		}
		w.CronsSince = string(doc)
	}
	return tx.SetWatchBack(ctx, w)
}
