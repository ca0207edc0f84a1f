package upstream

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/redundancy-app/redundancy/fallback/storm"
	"github.com/redundancy-app/redundancy/store"
)

const (
	// canaryWindow is how long an observation says something about the present.
	canaryWindow = 10 * time.Minute
	// canaryStep is how much newer an observation that says the same as the
	// last one has to be to be written: a busy workflow begins all the time.
	canaryStep = time.Minute
	// keepCanaries is how long observations are kept.
	keepCanaries = 24 * time.Hour
)

// mass is what makes many troubles one: three targets, and three in ten of
// those that were active within canaryWindow.
var mass = storm.Mass{Targets: 3, Share: 0.3}

// massRepositories is of how many repositories the targets have to be, unless
// only one is watched at all: that the workflow files of one are broken is no
// trouble of the others.
const massRepositories = 2

// Canary takes note that a run of a target has begun, or that it has not in
// its time: no step of it started, it ended as startup_failure, or it does not
// even exist although its tick or push has passed. seen.At is the moment of the
// observation. One such sign says something about the target; many at once say
// something about GitHub. incident is what the run is about, or what has
// started it, and may be the probe; 0 is none.
func (h *Health) Canary(ctx context.Context, tx *store.Tx, seen store.Canary, incident int64) error {
	now := h.Clock.Now()
	news, err := tx.SaveCanary(ctx, seen, store.Millis(h.scaled(canaryStep).Milliseconds()))
	if err != nil {
		return err
	}
	if err := h.Listen(ctx, tx); err != nil {
		return err
	}
	d, err := Read(ctx, tx, Actions)
	if err != nil || !news && d.Stored.State == storm.Closed {
		return err
	}
	// GitHub's moments are in whole seconds, so this one can be later by that.
	moment := seen.At.Time().Add(time.Second - time.Millisecond)
	if moment.After(now) {
		moment = now
	}
	r := h.rules(Actions)
	others, err := store.OtherRepositories(ctx, tx, seen.RepoID)
	if err != nil {
		return err
	}
	if others {
		r.Groups = massRepositories
	}
	group, name := strconv.FormatInt(seen.RepoID, 10), strings.TrimSuffix(path.Base(seen.WorkflowPath), path.Ext(seen.WorkflowPath))
	o := storm.Outcome{At: moment, OK: seen.Began, By: group + "/" + name, Group: group, Probe: incident}
	is := r.Record(d.Stored, o, now)
	if seen.Began || is.State != storm.Closed && d.Stored.State != storm.Closed {
		return h.Turn(ctx, tx, d, is, fmt.Sprintf("a run of %s has %s", name, begunWord(seen.Began)), nil)
	}
	since := h.Lately()
	if !d.Stored.Since.IsZero() {
		since = max(since, store.MillisOf(d.Stored.Since))
	}
	n, err := store.Canaries(ctx, tx, since)
	if err != nil {
		return err
	}
	if is.State == storm.Closed && mass.Storm(n.Silent, n.Active) && n.Repositories >= r.Groups {
		is = r.Trip(is, now)
	}
	window := h.scaled(canaryWindow)
	why := fmt.Sprintf("runs do not begin: of %d of %d workflows that were active within %s", n.Silent, n.Active, window)
	evidence := map[string]any{"silent": n.Silent, "active": n.Active, "repositories": n.Repositories, "window": window.String()}
	return h.Turn(ctx, tx, d, is, why, evidence)
}

func begunWord(started bool) string {
	if started {
		return "begun"
	}
	return "not begun"
}

// Lately is since when what was seen says something about the present.
func (h *Health) Lately() store.Millis {
	return store.MillisOf(h.Clock.Now().Add(-h.scaled(canaryWindow)))
}

// Prune forgets what was seen long ago.
func (h *Health) Prune(ctx context.Context, tx *store.Tx) error {
	return tx.PruneCanaries(ctx, store.MillisOf(h.Clock.Now().Add(-keepCanaries)))
}
