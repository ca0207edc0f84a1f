package history

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/store"
)

// ahead is how far in the future a moment that is past by its nature may stand;
// clocks are set by less all the time.
const ahead = time.Minute

// setBack has the repositories of an installation scanned now that a clock which
// ran ahead has put off. How far back their lists were really read nobody knows:
// they are read again as far as a failure can have consequences.
func (h *History) setBack(ctx context.Context, installationID int64) error {
	now := h.Clock.Now()
	after := func(d time.Duration) store.Millis { return store.MillisOf(now.Add(d)) }
	b := store.ScanBounds{
		Now: after(0), Ahead: after(ahead), Next: after(ahead + h.scaled(scanMax)*11/10), NextRefused: after(ahead + maxRefused),
		Doubt: after(ahead + h.scaled(doubtFor)), Reread: after(overlap - stale),
	}
	// Nearly always nothing is: that is to cost no write.
	if found, err := h.Store.ScansAhead(ctx, installationID, b); err != nil || !found {
		return err
	}
	return h.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		n, err := tx.SetScansBack(ctx, installationID, b)
		if n > 0 {
			zerolog.Ctx(ctx).Warn().Int64("repositories", n).Msg("the clock ran ahead; the runs of repositories are compared now")
		}
		return err
	})
}
